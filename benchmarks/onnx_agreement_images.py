"""Agreement of ONNX Runtime with PyTorch for a model on the images of a data set: probabilities and masks.

python benchmarks/onnx_agreement_images.py skin-lesion ../shared/data/skin-lesion [--images 50]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from agreement import diagnosis_probabilities, dice, greatest_difference
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
    differences, overlaps = [0.0], []
    chosen = np.linspace(0, len(cases) - 1, min(options.images, len(cases))).round().astype(int)
    for index in chosen:
        image = read_case_image(cases[index])
        expected, found = first.predict(image), second.predict(image)
        overlaps.append(dice(expected.layers, found.layers))
        if expected.report["diagnosis"]:
            pair = (diagnosis_probabilities(prediction.report) for prediction in (expected, found))
            differences.append(greatest_difference(*pair))
    put(
        "onnx images",
        model=bundle.id,
        images=len(chosen),
        probability_difference=max(differences),
        lowest_dice=min(overlaps),
    )


if __name__ == "__main__":
    main()
