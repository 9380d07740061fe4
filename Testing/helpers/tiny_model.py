"""A descriptor and a network small enough to be made in each test."""

from __future__ import annotations

from pathlib import Path

TINY_NETWORK = {
    "stem": 4, "levels": [[[4, 1, 3, 1]], [[8, 1, 3, 2]]], "transformers": [0, 1], "heads": [1, 2], "pooling": [1, 1],
    "mlp_ratio": 1, "dilations": [1, 2, 3],
}  # fmt: skip
TINY_WIDTHS = [4, 8]  # feature channels of its two levels
LESION = {"scheme": "SCT", "value": "52988006", "meaning": "Lesion"}


def tiny_descriptor(
    segments: tuple[str, ...] = ("lesion",), diagnoses: tuple[str, ...] = ("benign", "malignant"), **changes
) -> dict:
    """A valid ``model.json`` without "weights"; segments have the values 1, 2, ..."""
    descriptor = {
        "schema_version": 1,
        "id": "tiny",
        "version": "1.0.0",
        "title": "Tiny model",
        "description": "For tests.",
        "modality": "OT",
        "kind": "both",
        "input": {
            "channels": 1,
            "size": [32, 32],
            "slice_axis": "stored",
            "orientation": {"volume": "stored", "picture": "stored"},
            "intensity": {"method": "fixed", "lower": 0, "upper": 255, "mean": [0.0], "std": [1.0]},
        },
        "network": {
            "in_channels": 1, "segments": len(segments), "exclusive": False, "diagnoses": len(diagnoses), **TINY_NETWORK
        },
        "segmentation": {
            "exclusive": False,
            "threshold": 0.5,
            "min_area_mm2": 0,
            "min_area_fraction": 0,
            "fill_holes": False,
            "keep_largest": "none",
            "min_slices": 1,
            "segments": [
                {
                    "id": name,
                    "name": name.title(),
                    "value": value,
                    "color": [255, 0, 0],
                    "terminology": {"category": LESION, "type": LESION},
                }
                for value, name in enumerate(segments, start=1)
            ],
        },
        "diagnosis": {
            "classes": [{"id": name, "name": name.title(), "code": None} for name in diagnoses],
            "rule": "mean",
            "rule_text": "Mean over the slices.",
        },
        "calibration": None,
        "training": {
            "data": [{"name": "none", "cases": 1, "licence": "CC0-1.0", "citation": "none"}],
            "recipe": {},
            "date": "2026-11-23",
            "epochs": 0,
            "seconds": 0,
            "device": "cpu",
        },
        "intended_use": "Tests.",
        "limits": ["Not trained."],
        "licence": "CC0-1.0",
        "results": [],
    }  # fmt: skip
    if not segments:
        descriptor["segmentation"] = None
    if not diagnoses:
        descriptor["diagnosis"] = None
    return {**descriptor, **changes}


def tiny_weights(descriptor: dict) -> dict:
    """Random weights for the descriptor's network; the same ones each time."""
    import torch

    from resformer_unet.model.network import NetworkConfig, ResFormerUNet

    torch.manual_seed(0)
    return ResFormerUNet(NetworkConfig(**descriptor["network"])).state_dict()


def weights_that_segment(descriptor: dict, brightest: float = 1.0) -> dict:
    """Random weights; the last layer's bias segments about half of an image of noise between 0 and ``brightest``."""
    import torch

    from resformer_unet.model.network import NetworkConfig, ResFormerUNet

    weights = tiny_weights(descriptor)
    network = ResFormerUNet(NetworkConfig(**descriptor["network"]))
    network.load_state_dict(weights)
    with torch.inference_mode():
        logits = network.eval()(brightest * torch.rand(4, descriptor["input"]["channels"], 32, 32)).segmentation
    weights["segmentation.bias"] = weights["segmentation.bias"] - logits.transpose(0, 1).flatten(1).median(1).values
    return weights


def save_tiny(folder: Path, **changes):
    from resformer_unet.model.saving import save_bundle

    descriptor = tiny_descriptor(**changes)
    return save_bundle(folder, descriptor, tiny_weights(descriptor), "# Tiny model\n")
