"""Time and memory of one prediction in memory, for one number of slices of one size, in a process of its own.

    python benchmarks/growth.py [--slices 100] [--size 256]

Memory is what the process needed at most above what it had with the image and before the model was loaded: the model,
the libraries that come with it, and the work itself.
"""

from __future__ import annotations

import argparse
import statistics

from measuring import MEGABYTE, Memory, put, rounds, seconds_of
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.catalog import find_model
from volumes import head_volume

AXES = [[0.7, 0, 0, 0], [0, 0.7, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--model", default="brain-tumor-mr")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=10.0, help="for all rounds together (default: 10)")
    parser.add_argument("--rounds", type=int, default=5, help="at most (default: 5)")
    options = parser.parse_args()
    volume = head_volume(options.slices, options.size)
    image = image_from_array(volume, AXES, "head")
    memory = Memory()
    before = memory.now()
    memory.forget_peak()
    predictor = Predictor(find_model(options.model), options.device)
    predictor.predict(image_from_array(volume[:8], AXES, "warming"))
    network = []

    def predict() -> None:
        network.append(predictor.predict(image).report["timing_s"]["network"])

    seconds = rounds(lambda: seconds_of(predict), options.seconds, options.rounds)
    put(
        "growth",
        slices=options.slices,
        size=options.size,
        device=options.device,
        engine=predictor.runner.backend.name,
        rounds=len(seconds),
        seconds=statistics.median(seconds),
        network_seconds=statistics.median(network),
        peak_mb=(memory.peak() - before) / MEGABYTE,
        volume_float32_mb=4 * volume.size / MEGABYTE,
    )


if __name__ == "__main__":
    main()
