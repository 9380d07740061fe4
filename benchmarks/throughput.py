"""Slices a second of networks at the batch that suits each, in float32 and in half precision.

    python benchmarks/throughput.py --networks small "nnU-Net 2D" [--sides 256 512] [--device cuda] [--seconds 8]

Half precision is float16 on a GPU and bfloat16 on the CPU, by automatic mixed precision; float32 is PyTorch's own, with
TF32 in convolutions. Each setting is a row as soon as it is done.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from batch_search import search_batch
from contestants import ALL, contestant
from measuring import put
from networks import ONNX

PRECISIONS = ("float32", "half")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=ALL, default=("small",), metavar="NAME", help=", ".join(ALL))
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512], help="rows and columns (default: 256 512)")
    parser.add_argument("--device", default="cuda", help="cpu or cuda (default: cuda)")
    parser.add_argument("--seconds", type=float, default=8.0, help="for one side and precision (default: 8)")
    parser.add_argument("--largest", type=int, default=1024, help="batch at most (default: 1024)")
    options = parser.parse_args()
    for name in options.networks:
        measure(name, options)


def measure(name: str, options: argparse.Namespace) -> None:
    device = torch.device(options.device)
    for side in options.sides:
        for precision in PRECISIONS if name != ONNX else PRECISIONS[:1]:
            setting = {"network": name, "side": side, "precision": precision, "device": options.device}
            try:
                run = contestant(name, side, 1, torch.get_num_threads(), device, half=precision == "half")
            except (ImportError, RuntimeError) as error:
                put("throughput", **setting, left_out=str(error).splitlines()[0])
                continue

            def ready(batch: int, run=run) -> Callable[[], object]:
                run.take(batch)
                return run

            search = search_batch(ready, device, options.seconds, options.largest)
            put("throughput", **setting, layout=run.layout, **search.figures())
            del run, ready


if __name__ == "__main__":
    main()
