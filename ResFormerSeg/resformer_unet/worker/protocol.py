"""The protocol of the worker: its version, its commands as JSON schemas, and what a command sends while it runs.

``docs/worker-protocol.md`` describes commands and events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resformer_unet.cardiac.body import BodySize
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.inference.options import ExplainOptions, PredictOptions
from resformer_unet.model.schema import violations
from resformer_unet.option_fields import Options
from resformer_unet.worker.latest import Latest

PROTOCOL = 2

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
LABEL_OR_NULL = {"type": ["integer", "null"]}
LAYER = {"type": "integer", "minimum": 0}
AFFINE = {
    "type": "array", "minItems": 4, "maxItems": 4,
    "items": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"}},
}  # fmt: skip
IMAGE = {
    "type": "object",
    "required": ["array", "affine_lps", "name"],
    "properties": {"array": TEXT, "affine_lps": AFFINE, "name": TEXT, "has_orientation": {"type": "boolean"}},
}
SEGMENT = {
    "type": "object",
    "required": ["id", "name", "value_first", "value_second"],
    "properties": {
        "id": TEXT, "name": TEXT, "value_first": LABEL_OR_NULL, "value_second": LABEL_OR_NULL,
        "layer_first": LAYER, "layer_second": LAYER,
    },
}  # fmt: skip
PLACE = {
    "type": "object",
    "required": ["name", "layer", "value", "stored_value"],
    "properties": {"name": TEXT, "layer": LAYER, "value": LABEL_OR_NULL, "stored_value": {"type": "integer"}},
}
REPORT = {
    "type": "object",
    "required": ["case", "model", "segments", "slices"],
    "properties": {
        "case": TEXT,
        "model": {"type": "object", "required": ["sha256"]},
        "segments": {"type": "array", "items": {"type": "object", "required": ["id", "volume_mm3"]}},
        "slices": {"type": "array", "items": {"type": "object", "required": ["area_mm2"]}},
    },
}
TEXTS = {"type": "array", "items": TEXT}
REPORTED_SEGMENT = {
    "type": "object",
    "required": ["id", "name", "color", "layer", "value", "terminology"],
    "properties": {"id": TEXT, "name": TEXT, "layer": LAYER, "value": LAYER},
}
REPORTED = {  # a result as it is now
    "report": REPORT, "image": IMAGE, "segments": {"type": "array", "items": REPORTED_SEGMENT}, "labels": TEXT_OR_NULL,
    "edited": {"type": "boolean"}, "files": TEXTS,
}  # fmt: skip
REPORT_FILES = {"formats": TEXTS, "output": TEXT, "name": TEXT}
REPORT_OPTIONS = {"with_patient": {"type": "boolean"}, "page_folder": TEXT_OR_NULL, "temporary_folder": TEXT}
PATIENT = {
    "type": "object",
    "required": ["cases", "model", "cardiac_function", "diagnosis", "warnings"],
    "properties": {"cases": {**TEXTS, "minItems": 2, "maxItems": 2}, "model": REPORT["properties"]["model"]},
}
LISTED_CASE = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": TEXT, "title": TEXT, "message": TEXT_OR_NULL, "edited": {"type": "boolean"}},
}
FRAME = {
    "type": "object",
    "required": ["number", "slice", "image"],
    "properties": {
        "number": LAYER, "slice": LAYER,
        "image": {
            "type": "object",
            "required": ["number", "slot", "dtype", "shape", "affine_lps", "name"],
            "properties": {
                "number": LAYER, "slot": TEXT, "dtype": TEXT, "name": TEXT, "affine_lps": AFFINE,
                "has_orientation": {"type": "boolean"},
                "shape": {"type": "array", "minItems": 3, "maxItems": 4, "items": {"type": "integer", "minimum": 1}},
            },
        },
    },
}  # fmt: skip
OPTIONS: dict[str, type[Options]] = {
    **dict.fromkeys(("predict", "case", "live"), PredictOptions),
    "explain": ExplainOptions,
}


def _on_image(options: type[Options]) -> dict:
    return {
        "type": "object",
        "required": ["model", "image", "output"],
        "properties": {
            "model": TEXT, "device": TEXT_OR_NULL, "output": TEXT, "image": IMAGE, "options": options.schema(),
            "temporary_folder": TEXT,
        },
    }  # fmt: skip


SCHEMAS = {
    **{name: _on_image(OPTIONS[name]) for name in ("predict", "explain")},
    "live": {
        "type": "object",
        "required": ["model", "output"],
        "properties": {
            "model": TEXT, "device": TEXT_OR_NULL, "output": TEXT, "options": PredictOptions.schema(),
            "temporary_folder": TEXT,
        },
    },
    "compare": {
        "type": "object",
        "required": ["first", "second", "segments", "affine_lps"],
        "properties": {
            "first": TEXT, "second": TEXT, "segments": {"type": "array", "items": SEGMENT}, "affine_lps": AFFINE,
            "temporary_folder": TEXT,
        },
    },
    "patient": {
        "type": "object",
        "required": ["model", "reports"],
        "properties": {"model": TEXT, "reports": {"type": "array", "items": REPORT}},
    },
    "cine": {
        "type": "object",
        "required": ["model", "reports"],
        "properties": {
            "model": TEXT, "reports": {"type": "array", "items": {**REPORT, "type": ["object", "null"]}},
            "frames": {"type": "array", "items": LAYER},
            "times_s": {"type": ["array", "null"], "items": {"type": "number"}},
            "end_diastole": LABEL_OR_NULL, "end_systole": LABEL_OR_NULL, "body": BodySize.schema(),
            "temporary_folder": TEXT,
        },
    },
    "rank": {
        "type": "object",
        "required": ["models", "image"],
        "properties": {"models": {"type": "array", "items": TEXT}, "device": TEXT_OR_NULL, "image": IMAGE},
    },
    "report": {
        "type": "object",
        "required": [*REPORTED, *REPORT_FILES],
        "properties": {**REPORTED, **REPORT_FILES, **REPORT_OPTIONS},
    },
    "patient_report": {
        "type": "object",
        "required": ["patient", "phases", *REPORT_FILES],
        "properties": {
            "patient": PATIENT,
            "phases": {
                "type": "array", "minItems": 2, "maxItems": 2,
                "items": {"type": "object", "required": [*REPORTED], "properties": REPORTED},
            },
            **REPORT_FILES, **REPORT_OPTIONS,
        },
    },
    "collect": {
        "type": "object",
        "required": ["folder", "image", "label", "patient"],
        "properties": {
            "folder": TEXT, "image": IMAGE, "labels": TEXT_OR_NULL, "segments": {"type": "array", "items": PLACE},
            "label": TEXT, "patient": TEXT, "split": TEXT_OR_NULL, "by": TEXT, "temporary_folder": TEXT,
        },
    },
    "find_cases": {
        "type": "object",
        "required": ["paths", "output"],
        "properties": {"paths": TEXTS, "output": TEXT},
    },
    "case": {
        "type": "object",
        "required": ["model", "output", "name"],
        "properties": {
            "model": TEXT, "device": TEXT_OR_NULL, "output": TEXT, "name": TEXT, "taken": TEXTS,
            "image": {**IMAGE, "type": ["object", "null"]}, "input": TEXT_OR_NULL, "series": TEXT_OR_NULL,
            "planned": {"type": "boolean"}, "options": PredictOptions.schema(), "temporary_folder": TEXT,
        },
    },
    "open_case": {
        "type": "object",
        "required": ["output", "name", "folder"],
        "properties": {"output": TEXT, "name": TEXT, "folder": TEXT, "temporary_folder": TEXT},
    },
    "cases_page": {
        "type": "object",
        "required": ["output", "cases", "file"],
        "properties": {"output": TEXT, "cases": {"type": "array", "items": LISTED_CASE}, "file": TEXT},
    },
    "devices": {"type": "object"},
}  # fmt: skip


class CommandContext:
    """What a command sends while it runs, and whether it has been cancelled.

    Args:
        identifier: the command's ``id``, which every event of it carries.
        send: writes an event; called with its name and, by keyword, its content.
        cancelled: whether the command has been cancelled; called between two steps of the work.
        frames: takes the ``frame`` messages of the command.
    """

    def __init__(
        self,
        identifier: str,
        send: Callable[..., None],
        cancelled: Callable[[], bool],
        frames: Latest | None = None,
    ) -> None:
        self._id = identifier
        self._send = send
        self.cancelled = cancelled
        self.frames = frames or Latest()

    def send(self, event: str, **content: Any) -> None:
        self._send(event, id=self._id, **content)

    def progress(self, done: int, total: int) -> None:
        self.send("progress", done=done, total=total)

    def raise_if_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled


def check_command(command: dict) -> None:
    """Raises ``EngineError``: UNKNOWN_COMMAND, BAD_OPTION, BAD_COMMAND, naming the entry."""
    name = command.get("command")
    if not isinstance(name, str) or name not in SCHEMAS:
        raise EngineError("UNKNOWN_COMMAND", f"The worker does not know the command {name!r}.")
    if name in OPTIONS:
        OPTIONS[name].from_dict(command.get("options"))  # before the schema, which has no sentence for users
    if problems := list(violations(command, SCHEMAS[name])):
        raise bad_command("; ".join(problems))


def bad_command(problem: str) -> EngineError:
    return EngineError(
        "BAD_COMMAND", f"The worker cannot use the command: {problem}.", "docs/worker-protocol.md describes it."
    )
