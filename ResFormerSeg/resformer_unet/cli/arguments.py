"""Arguments that several commands have, and those that are made from the fields of options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar

from resformer_unet.option_fields import ImageSize, Options, Switch

Chosen = TypeVar("Chosen", bound=Options)


MODEL_HELP = "id of a model that “resformer-unet models” lists, or a model folder"


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="ID|FOLDER", help=MODEL_HELP)


def add_device(parser: argparse.ArgumentParser, engine: bool = True) -> None:
    """engine: whether the inference engine may be chosen too."""
    engines = "; cpu:onnx or cpu:torch to choose the inference engine on the CPU" if engine else ""
    parser.add_argument(
        "--device", default="auto", help=f"auto (a usable GPU, else the CPU), cpu, cuda, cuda:N or mps{engines}"
    )


def path(text: str) -> Path:
    """The type of an argument that is a path. An empty one, as of an unset variable, is not the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return Path(text)


def add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=path, metavar="DATASET", help="folder with labels.csv, images/ and masks/")


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
            return value if isinstance(kind, ImageSize) else kind.check(value)  # a size's two numbers come one by one
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {kind.requirement}, not “{text}”") from None

    return parse
