"""The command ``resformer-unet export``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from resformer_unet.cli.arguments import add_model
from resformer_unet.cli.progress import print_line

SUMMARY = "write a model's network as an ONNX file for other programs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="file to write, usually *.onnx")


def run(arguments: argparse.Namespace) -> int:
    from resformer_unet.atomic_files import atomic_file
    from resformer_unet.inference.backends.onnx_runtime import graph_of
    from resformer_unet.model.catalog import find_model

    bundle = find_model(arguments.model)
    _, graph = graph_of(bundle)
    with atomic_file(arguments.output) as temporary:
        temporary.write_bytes(graph)
    rows, columns = bundle.descriptor["input"]["size"]
    shape = f"(slices, {bundle.channels}, {rows}, {columns})"
    print_line(f"{arguments.output}: input image {shape}, scaled as input.intensity of model.json says", sys.stdout)
    return 0
