"""What the engine does when a device's memory is full: smaller batches, then the CPU, with the same answer.

    python benchmarks/memory_ladder.py [--model brain-tumor-mr] [--device cuda] [--slices 64]

The memory is filled on purpose until a share of what the first batch needs is left; on the CPU the process's address
space is limited instead. Then it is freed again, and the last image must go through without a warning.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from agreement import dice, greatest_difference
from filled_memory import filled
from growth import AXES
from measuring import MEGABYTE, Memory, put
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage, image_from_array
from resformer_unet.inference.backends.choice import CPU_TORCH
from resformer_unet.inference.prediction import Prediction
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.catalog import find_model
from volumes import head_volume

SHARES = (1.5, 0.6, 0.3, 0.1, 0.0)  # of what a whole batch needs
STEPS = ("BATCH_HALVED", "CPU_INSTEAD_OF_GPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="brain-tumor-mr", help="id or folder, of a model for grey images")
    parser.add_argument("--device", default="cuda", help="cpu or cuda (default: cuda)")
    parser.add_argument("--slices", type=int, default=64)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="left of what a batch needs")
    options = parser.parse_args()
    device = torch.device(options.device)
    bundle = find_model(options.model)
    name = CPU_TORCH if device.type == "cpu" else options.device
    image = image_from_array(head_volume(options.slices, options.size), AXES, "head")
    predictor = Predictor(bundle, name)
    predictor.predict(image)  # kernels are chosen, threads have their stacks
    need, expected = _need(predictor, image, device)

    def attempt(when: str, left: float | None, predict) -> None:
        began = time.perf_counter()
        try:
            found, problem = predict(), None
        except EngineError as error:
            found, problem = None, error.code
        put("ladder", device=options.device, when=when, need_mb=need / MEGABYTE, left_mb=left and left / MEGABYTE,
            seconds=time.perf_counter() - began, error=problem, **_compared(expected, found))  # fmt: skip

    for share in options.shares:
        with filled(device, int(share * need)):
            attempt(f"{share:.0%} of a batch's memory left", share * need, lambda: predictor.predict(image))
    if device.type == "cuda":
        with filled(device, 0):
            attempt("full before the model is loaded", 0.0, lambda: Predictor(bundle, name).predict(image))
    attempt("free again", None, lambda: predictor.predict(image))


def _need(predictor: Predictor, image: MedicalImage, device: torch.device) -> tuple[int, Prediction]:
    """Bytes that a prediction takes beyond the network, and the prediction."""
    memory = Memory()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        expected = predictor.predict(image)
        return torch.cuda.max_memory_allocated(device) - before, expected
    before = memory.now()
    memory.forget_peak()
    expected = predictor.predict(image)
    return max(memory.peak() - before, 2**24), expected


def _compared(expected: Prediction, found: Prediction | None) -> dict:
    """The warnings of a step of the ladder in their order, where the network was at last, and how far the answer is."""
    if found is None:
        return {"steps": None, "end": None, "dice": None, "diagnosis_difference": None}
    codes = [row["code"] for row in found.report["warnings"]]
    return {
        "steps": [code for code in codes if code in STEPS],
        "end": found.report["device"],
        "dice": dice(expected.layers, found.layers),
        "diagnosis_difference": _difference(expected.logits, found.logits),
    }


def _difference(expected: np.ndarray | None, found: np.ndarray | None) -> float:
    return greatest_difference(expected, found) if expected is not None and expected.size else 0.0


if __name__ == "__main__":
    main()
