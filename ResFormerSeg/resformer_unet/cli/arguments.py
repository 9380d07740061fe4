"""Arguments that several commands have, and those that are made from the fields of options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar

from resformer_unet.errors import EngineError
from resformer_unet.option_fields import ImageSize, Options, Switch, checked

Chosen = TypeVar("Chosen", bound=Options)


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


def add_options(parser: argparse.ArgumentParser, options: type[Options], exclusive: tuple[str, ...] = ()) -> None:
    """One argument for each field. exclusive: names of fields of which one at most may be given."""
    group = parser.add_mutually_exclusive_group() if exclusive else parser  # an empty group breaks argparse's usage
    for entry in fields(options):
        add_option(group if entry.name in exclusive else parser, entry)


def add_option(parser: argparse._ActionsContainer, entry: Field) -> None:
    kind = entry.metadata["kind"]
    if isinstance(kind, Switch):
        parser.add_argument(flag(entry), dest=entry.name, action="store_true", help=entry.metadata["help"])
        return
    more: dict[str, Any] = {"nargs": 2} if isinstance(kind, ImageSize) else {}
    default = entry.metadata["absent"] or f"{entry.default:g}"
    parser.add_argument(
        flag(entry),
        dest=entry.name,
        type=_parser_of(entry),
        metavar=kind.metavar,
        help=f"{entry.metadata['help']} (default: {default})",
        **more,
    )


def flag(entry: Field) -> str:
    """``--min-area`` for the field ``min_area_mm2``: the unit is what the argument's placeholder says."""
    unit = getattr(entry.metadata["kind"], "unit", "")
    return "--" + entry.name.removesuffix(f"_{unit}" if unit else "").replace("_", "-")


def chosen(options: type[Chosen], arguments: argparse.Namespace) -> Chosen:
    """The options that a command line gives."""
    return options(**{entry.name: getattr(arguments, entry.name) for entry in fields(options)})


def _parser_of(entry: Field) -> Callable[[str], Any]:
    kind = entry.metadata["kind"]

    def parse(text: str) -> Any:
        try:
            value = kind.parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"“{text}” is not {kind.requirement}") from None
        if isinstance(kind, ImageSize):  # one number of the two; both are checked together later
            return value
        try:
            return checked(entry, value)
        except EngineError as error:
            raise argparse.ArgumentTypeError(error.message) from None

    return parse
