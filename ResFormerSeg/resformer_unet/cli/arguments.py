"""Arguments that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="ID|FOLDER", help="see: resformer-unet models")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        default="auto",
        help="auto (a usable GPU, else the CPU), cpu, cuda, cuda:N or mps; cpu:onnx or cpu:torch for one engine alone",
    )


def add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder with labels.csv, images/ and masks/")
