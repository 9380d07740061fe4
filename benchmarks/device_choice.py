"""What `--device auto` takes on this machine, and whether the answer's report says so.

python benchmarks/device_choice.py [--model brain-tumor-mr]
"""

from __future__ import annotations

import argparse

import torch

from agreement import drawn_image
from measuring import put
from resformer_unet.inference.backends.devices import choose_device, describe_device, list_devices
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.catalog import find_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="brain-tumor-mr", help="id or folder")
    options = parser.parse_args()
    bundle = find_model(options.model)
    chosen = choose_device("auto")
    report = Predictor(bundle, "auto").predict(drawn_image(bundle)).report
    expected = describe_device(torch.device("cuda", 0)) if torch.cuda.is_available() else "cpu"
    put(
        "device choice",
        chosen=describe_device(chosen),
        reported=report["device"],
        engine=report["engine"],
        devices=list_devices(),
        expected=expected,
        right=describe_device(chosen) == report["device"] == expected,
    )


if __name__ == "__main__":
    main()
