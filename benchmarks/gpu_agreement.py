"""Whether a device's answers are those of PyTorch on the CPU: masks and probabilities of models on drawn images.

    python benchmarks/gpu_agreement.py [--models brain-tumor-mr skin-lesion] [--device auto]

Once as the engine computes there (half precision on a GPU), and on a GPU once more in float32 without TF32, which shows
the program to be the same apart from rounding. Also ONNX Runtime's CUDA provider beside its CPU, where it is there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from agreement import MODELS, diagnosis_probabilities, dice, drawn_image, greatest_difference, softmax
from contestants import OnnxContestant
from gpu_tolerance import TOLERANCES, agrees
from measuring import put
from networks import ONNX
from resformer_unet.errors import EngineError
from resformer_unet.inference.backends.choice import CPU_TORCH
from resformer_unet.inference.backends.pytorch import TorchBackend
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import find_model
from resformer_unet.preprocessing.prepare import prepare_image

SIDE, BATCH = 128, 4  # of the images for ONNX Runtime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=MODELS, help="ids or folders")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    for model in options.models:
        try:
            bundle = find_model(model)
            _put(bundle.id, **_as_the_engine_computes(bundle, options.device))
        except EngineError as error:
            put("agreement", model=Path(model).name, left_out=error.message.splitlines()[0])
            continue
        if torch.cuda.is_available():
            _put(bundle.id, **_in_float32(bundle, torch.device("cuda", 0)))
    if torch.cuda.is_available():
        try:
            _put(ONNX, **_onnx_providers())
        except (ImportError, RuntimeError) as error:
            put("agreement", model=ONNX, left_out=str(error).splitlines()[0])


def _put(model: str, precision: str, **figures) -> None:
    put("agreement", model=model, precision=precision, agrees=agrees(precision, figures),
        tolerance=TOLERANCES[precision], **figures)  # fmt: skip


def _as_the_engine_computes(bundle: ModelBundle, device: str) -> dict:
    """From the image to label maps and reported probabilities, and the network's masks before they are decided."""
    image = drawn_image(bundle)
    batch = prepare_image(image, bundle.descriptor["input"]).batch(0, 8)
    reference, other = Predictor(bundle, CPU_TORCH), Predictor(bundle, device)
    expected, found = reference.predict(image), other.predict(image)
    masks = (predictor.runner.backend.predict(batch).masks for predictor in (reference, other))
    probabilities = (diagnosis_probabilities(prediction.report) for prediction in (expected, found))
    return {
        "precision": "half" if str(other.runner.backend.device).startswith("cuda") else "float32",
        "device": found.report["device"],
        "engine": found.report["engine"],
        "slices": len(expected.logits),
        "mask_difference": greatest_difference(*masks),
        "diagnosis_difference": greatest_difference(*probabilities) if bundle.diagnoses else 0.0,
        "dice": dice(expected.layers, found.layers),
        "segmented_voxels": int(np.count_nonzero(expected.layers)),
    }


def _in_float32(bundle: ModelBundle, device: torch.device) -> dict:
    batch = prepare_image(drawn_image(bundle), bundle.descriptor["input"]).batch(0, 8)
    outputs = []
    for where in (torch.device("cpu"), device):
        backend = Predictor(bundle, str(where) if where.type == "cuda" else CPU_TORCH).runner.backend
        with _without_tf32():
            outputs.append(_probabilities(backend, batch))
    (masks, diagnosis), (other_masks, other_diagnosis) = outputs
    return {
        "precision": "float32",
        "device": backend.description,
        "engine": backend.name,
        "slices": len(batch),
        "mask_difference": greatest_difference(masks, other_masks),
        "diagnosis_difference": greatest_difference(diagnosis, other_diagnosis),
        "dice": None if masks is None else dice(masks > 0.5, other_masks > 0.5),
    }


def _probabilities(backend: TorchBackend, batch: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Of masks and diagnoses, from the network itself: the engine's own call takes half precision on a GPU."""
    with torch.inference_mode():
        logits = backend.run(lambda network, images: network(images), batch)
    masks = logits.segmentation
    if masks is not None:
        masks = (masks.softmax(1) if backend.network.config.exclusive else masks.sigmoid()).cpu().numpy()
    return masks, None if logits.diagnosis is None else softmax(logits.diagnosis.cpu().numpy())


def _onnx_providers() -> dict:
    masks = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)  # the same weights and images
        logits, *_ = OnnxContestant(SIDE, BATCH, torch.get_num_threads(), torch.device(device))()
        masks.append(1 / (1 + np.exp(-logits)))
    return {"precision": "half", "device": "cuda", "engine": "ONNX Runtime", "slices": BATCH,
            "mask_difference": greatest_difference(*masks), "diagnosis_difference": 0.0, "dice": None}  # fmt: skip


@contextmanager
def _without_tf32() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


if __name__ == "__main__":
    main()
