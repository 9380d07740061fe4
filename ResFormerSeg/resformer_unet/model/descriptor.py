"""``model.json``, the descriptor of a model bundle: read, and checked against ``model.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.json_text import parse_json
from resformer_unet.model.schema import violations

DESCRIPTOR = "model.json"
SCHEMA_VERSION = 1


def read_descriptor(path: Path) -> dict:
    """The checked content of ``model.json``.

    Raises ``EngineError``: MODEL_NOT_FOUND, MODEL_DESCRIPTOR_INVALID, MODEL_TOO_NEW.
    """
    try:
        descriptor = parse_json(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise EngineError(
            "MODEL_NOT_FOUND", f"“{path.parent}” is not a model folder: it has no {path.name}.", "Name a model folder."
        ) from error
    except OSError as error:
        raise EngineError(
            "MODEL_NOT_FOUND", f"“{path}” cannot be read ({error.strerror or error}).", "Check the permissions."
        ) from error
    except ValueError as error:  # not UTF-8, not JSON
        raise invalid_descriptor(path, [f"it is not a JSON text ({error})"]) from error
    check_descriptor(descriptor, path)
    return descriptor


def check_descriptor(descriptor: object, place: Path) -> None:
    """Raises ``EngineError`` MODEL_TOO_NEW or MODEL_DESCRIPTOR_INVALID, naming ``place`` and what is wrong there."""
    version = descriptor.get("schema_version") if isinstance(descriptor, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise EngineError(
            "MODEL_TOO_NEW",
            f"“{place}” uses version {version} of the model format; this version of the engine knows {SCHEMA_VERSION}.",
            "Update ResFormerSeg, or get a model made for this version.",
        )
    if problems := list(violations(descriptor, _schema())) or list(_contradictions(descriptor)):
        raise invalid_descriptor(place, problems)


def _contradictions(descriptor: dict) -> Iterable[str]:
    """What a schema cannot say: entries that must agree with each other."""
    channels, intensity = descriptor["input"]["channels"], descriptor["input"]["intensity"]
    segmentation, diagnosis, network = descriptor["segmentation"], descriptor["diagnosis"], descriptor["network"]
    segments = segmentation["segments"] if segmentation else []
    classes = diagnosis["classes"] if diagnosis else []
    if not segments and not classes:
        yield "segmentation and diagnosis are both null; a model needs at least one task"
    for key, rows in (("id", segments), ("value", segments), ("id", classes)):
        values = [row[key] for row in rows]
        if len(set(values)) < len(values):
            path = "segmentation.segments" if rows is segments else "diagnosis.classes"
            yield f"{path} repeats the same {key}: {values}"
    biases = (descriptor["calibration"] or {}).get("biases")
    if biases is not None and len(biases) != len(classes):
        yield f"calibration.biases needs one number for each of the {len(classes)} classes"
    for row in classes:
        if "operating_point" in row and not row.get("alert"):
            yield f"the class {row['id']} has an operating_point, but no alert"
    for key in ("mean", "std"):
        if len(intensity[key]) != channels:
            yield f"input.intensity.{key} needs one number for each of the {channels} channels"
    if descriptor["input"]["orientation"].get("transpose_tta") and len(set(descriptor["input"]["size"])) > 1:
        yield "input.orientation.transpose_tta needs an input.size with as many rows as columns"
    if intensity["lower"] >= intensity["upper"]:
        yield "input.intensity.lower must be below input.intensity.upper"
    if intensity["method"] == "percentile":
        if "scope" not in intensity:
            yield "input.intensity.scope is missing"
        if not 0 <= intensity["lower"] < intensity["upper"] <= 100:
            yield "input.intensity.lower and upper are percentiles, from 0 to 100"
    exclusive = bool(segmentation and segmentation["exclusive"])
    expected = {"in_channels": channels, "segments": len(segments), "diagnoses": len(classes), "exclusive": exclusive}
    for key, value in expected.items():
        if network[key] != value:
            yield f"network.{key} is {network[key]}, but the rest of the descriptor implies {value}"


def invalid_descriptor(place: Path, problems: list[str]) -> EngineError:
    message = f"“{place}” is not a valid model descriptor: {few(problems)}."
    return EngineError("MODEL_DESCRIPTOR_INVALID", message, "Correct it, or get the model again.")


def few(sentences: list[str], most: int = 3) -> str:
    """The first sentences in one, and how many more there are."""
    shown = "; ".join(sorted(sentences)[:most])
    return shown if len(sentences) <= most else f"{shown}; and {len(sentences) - most} more"


@cache
def _schema() -> dict:
    return json.loads(Path(__file__).with_name("model.schema.json").read_text(encoding="utf-8"))
