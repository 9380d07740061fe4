"""How far two answers to the same image are from each other, and drawn images to ask about."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from resformer_unet.image.medical_image import MedicalImage, image_from_array
from resformer_unet.model.bundle import ModelBundle

sys.path.append(str(Path(__file__).resolve().parents[1] / "Testing"))

from helpers.synthetic_samples import headSample, skinSample  # noqa: E402

MODELS = ("brain-tumor-mr", "skin-lesion")  # one for grey volumes, one for colour pictures


def drawn_image(bundle: ModelBundle) -> MedicalImage:
    """A synthetic head for a model of grey images, a synthetic skin picture for one of colour images."""
    sample = headSample() if bundle.descriptor["input"]["channels"] == 1 else skinSample()
    return image_from_array(sample.voxels, np.diag([*sample.spacing, 1]), bundle.id)


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits.astype(float) - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def greatest_difference(first: np.ndarray | None, second: np.ndarray | None) -> float:
    """0 of what a model does not give."""
    return 0.0 if first is None else float(np.abs(first - second).max())


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Of label maps; 1 where both are empty."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * int(np.count_nonzero((first == second) & (first > 0))) / int(total) if total else 1.0


def diagnosis_probabilities(report: dict) -> np.ndarray:
    """Of a prediction's report, in the order of the classes; empty without a diagnosis."""
    diagnosis = report["diagnosis"]
    return np.array(list(diagnosis["probabilities"].values()) if diagnosis else [], float)
