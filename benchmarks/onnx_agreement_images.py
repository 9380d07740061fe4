"""Agreement of ONNX Runtime with PyTorch for a model on the images of a data set: probabilities and masks.

python benchmarks/onnx_agreement_images.py skin-lesion ../shared/data/skin-lesion [--images 50]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from measuring import put
from resformer_unet.data.dataset import load_dataset, read_case_image
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.catalog import find_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="id or folder")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--images", type=int, default=50, help="at most, evenly chosen (default: 50)")
    options = parser.parse_args()
    bundle = find_model(options.model)
    cases = load_dataset(options.dataset, options.split)
    first, second = (Predictor(bundle, device) for device in ("cpu:torch", "cpu:onnx"))
    differences, dice = [0.0], []
    chosen = np.linspace(0, len(cases) - 1, min(options.images, len(cases))).round().astype(int)
    for index in chosen:
        image = read_case_image(cases[index])
        expected, found = first.predict(image), second.predict(image)
        dice.append(_dice(expected.layers, found.layers))
        if expected.report["diagnosis"]:
            pairs = zip(_probabilities(expected), _probabilities(found), strict=True)
            differences += [abs(one - other) for one, other in pairs]
    put(
        "onnx images",
        model=bundle.id,
        images=len(chosen),
        probability_difference=max(differences),
        lowest_dice=min(dice),
    )


def _probabilities(prediction) -> list[float]:
    return list(prediction.report["diagnosis"]["probabilities"].values())


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    """1 where both are empty."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero((first == second) & (first > 0)) / total if total else 1.0


if __name__ == "__main__":
    main()
