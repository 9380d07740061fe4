"""The command ``resformer-unet export``."""

from __future__ import annotations

import argparse
import sys

from resformer_unet.cli.arguments import MODEL_HELP, path
from resformer_unet.cli.progress import print_line

SUMMARY = "write the network of a model as an ONNX graph"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="ID|FOLDER", help=MODEL_HELP)
    parser.add_argument(
        "--output", type=path, metavar="FILE",
        help="write a file with its weights, for other programs; without it, the graph that ONNX Runtime needs is "
        "added to the model's folder",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    from resformer_unet.atomic_files import atomic_file, check_writable
    from resformer_unet.model.bundle import NETWORK_ONNX
    from resformer_unet.model.catalog import find_model
    from resformer_unet.model.weights import load_network
    from resformer_unet.training.finish.onnx_export import add_exported_graph, exported

    bundle = find_model(arguments.model)
    rows, columns = bundle.descriptor["input"]["size"]
    if arguments.output:
        check_writable(arguments.output)
        model = exported(load_network(bundle), (rows, columns))
        with atomic_file(arguments.output) as temporary:
            temporary.write_bytes(model.SerializeToString(deterministic=True))
    else:
        add_exported_graph(bundle)
    written = arguments.output or bundle.folder / NETWORK_ONNX
    shape = f"(slices, {bundle.channels}, {rows}, {columns})"
    print_line(f"{written}: input image {shape}, scaled as input.intensity in model.json states", sys.stdout)
    return 0
