"""Options that are declared once, as the fields of a dataclass.

Each field carries its type, unit, range, default and help text. The checks, the arguments of the command line, the JSON
schema of the worker's commands and the tables of the documents derive from these.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from resformer_unet.errors import EngineError, shown


@dataclass(frozen=True)
class Text:
    metavar: str
    requirement = "a text"

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError
        return str(value)

    def schema(self) -> dict:
        return {"type": "string"}

    def parse(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Choice:
    choices: tuple[str, ...]

    @property
    def metavar(self) -> str:
        return f"{{{','.join(self.choices)}}}"

    @property
    def requirement(self) -> str:
        return f"one of {', '.join(self.choices)}"

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ValueError
        return str(value)

    def schema(self) -> dict:
        return {"type": "string", "enum": list(self.choices)}

    def parse(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Switch:
    metavar = ""
    requirement = "true or false"

    def check(self, value: Any) -> bool:
        if not _is_truth_value(value):
            raise ValueError
        return bool(value)

    def schema(self) -> dict:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number:
    """minimum, maximum: allowed themselves, unless ``above`` excludes the minimum."""

    minimum: float
    maximum: float = math.inf
    above: bool = False
    unit: str = ""  # as the field's name ends: "mm", "mm2"

    @property
    def metavar(self) -> str:
        return self.unit.upper() or "X"

    @property
    def requirement(self) -> str:
        unit = f" {self.unit.replace('2', '²')}" if self.unit else ""
        least = f"{'above' if self.above else 'of at least'} {self.minimum:g}{unit}"
        return f"a number {least}" + (f" and at most {self.maximum:g}{unit}" if self.maximum < math.inf else "")

    def check(self, value: Any) -> float:
        if isinstance(value, str | bytes | bytearray) or _is_truth_value(value):
            raise ValueError
        if not math.isfinite(number := float(value)):
            raise ValueError
        if not self.minimum <= number <= self.maximum or (self.above and number == self.minimum):
            raise ValueError
        return number

    def schema(self) -> dict:
        most = {"maximum": self.maximum} if self.maximum < math.inf else {}
        return {"type": "number", "exclusiveMinimum" if self.above else "minimum": self.minimum, **most}

    def parse(self, text: str) -> float:
        return float(text)


@dataclass(frozen=True)
class WholeNumber:
    minimum: int
    metavar = "N"

    @property
    def requirement(self) -> str:
        return f"a whole number of at least {self.minimum}"

    def check(self, value: Any) -> int:
        if isinstance(value, bool) or not self.minimum <= (number := operator.index(value)) <= sys.maxsize:
            raise ValueError
        return number

    def schema(self) -> dict:
        return {"type": "integer", "minimum": self.minimum}

    def parse(self, text: str) -> int:
        return int(text)


@dataclass(frozen=True)
class SliceRange:
    """First and last slice, both included, counted from 0."""

    metavar = "FIRST-LAST"
    requirement = "the first and the last slice, two whole numbers counted from 0, the first not above the last"

    def check(self, value: Any) -> tuple[int, int]:
        first, last = map(WholeNumber(0).check, value)
        if first > last:
            raise ValueError
        return first, last

    def schema(self) -> dict:
        return {"type": "array", "items": WholeNumber(0).schema(), "minItems": 2, "maxItems": 2}

    def parse(self, text: str) -> tuple[int, int]:
        """``10-24``, or ``10`` for one slice."""
        first, _, last = text.partition("-")
        return int(first), int(last or first)


@dataclass(frozen=True)
class ImageSize:
    """Rows and columns of an image in pixels."""

    metavar = ("ROWS", "COLUMNS")
    requirement = "rows and columns, two whole numbers of at least 1"

    def check(self, value: Any) -> tuple[int, int]:
        rows, columns = map(WholeNumber(1).check, value)
        return rows, columns

    def schema(self) -> dict:
        return {"type": "array", "items": WholeNumber(1).schema(), "minItems": 2, "maxItems": 2}

    def parse(self, text: str) -> int:
        return WholeNumber(1).check(int(text))


def _is_truth_value(value: Any) -> bool:
    """Whether it is Python's or NumPy's true or false, the latter also as an array without dimensions."""
    numpy = sys.modules.get("numpy")  # not imported for this alone: without it there is no value of its type
    if numpy and isinstance(value, numpy.bool_ | numpy.ndarray):
        return value.ndim == 0 and value.dtype == bool
    return isinstance(value, bool)


OptionKind = Text | Choice | Switch | Number | WholeNumber | SliceRange | ImageSize
Chosen = TypeVar("Chosen", bound="Options")


def option(kind: OptionKind, label: str, help: str, default: Any = None, absent: str = "") -> Any:
    """A field of a dataclass that derives from :class:`Options`.

    Args:
        label: what an error message calls the option, for instance "The smoothing".
        help: for users, a phrase without a full stop.
        absent: for users, what a default of ``None`` means.
    """
    return field(default=default, metadata={"kind": kind, "label": label, "help": help, "absent": absent})


class Options:
    """Base of frozen dataclasses whose fields are made by :func:`option`. ``None`` stands for the default."""

    def __post_init__(self) -> None:
        """Raises ``EngineError`` BAD_OPTION for a value that is not of an option's type or outside its range."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            object.__setattr__(self, entry.name, entry.default if value is None else checked(entry, value))

    @classmethod
    def from_dict(cls: type[Chosen], options: Mapping[str, Any] | None) -> Chosen:
        """Options as another program gives them; entries may be absent or null.

        Raises:
            EngineError: BAD_OPTION, naming the option.
        """
        if not isinstance(options, Mapping | None):
            raise bad_option("The options must be an object of names and values.")
        known = [entry.name for entry in fields(cls)]
        if unknown := sorted((options or {}).keys() - set(known)):
            raise bad_option(f"There is no option “{unknown[0]}”.", f"Options are {', '.join(known)}.")
        return cls(**(options or {}))

    def to_dict(self) -> dict[str, Any]:
        """What :meth:`from_dict` takes, of types that JSON has."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def schema(cls) -> dict:
        """JSON schema of what :meth:`from_dict` takes."""
        properties = {}
        for entry in fields(cls):
            schema = entry.metadata["kind"].schema()
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"].append(None)
            properties[entry.name] = schema
        return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}


def checked(entry: Field, value: Any) -> Any:
    """The value of an option as its type has it.

    Raises:
        EngineError: BAD_OPTION.
    """
    kind = entry.metadata["kind"]
    try:
        return kind.check(value)
    except (TypeError, ValueError, OverflowError):
        raise bad_option(f"{entry.metadata['label']} must be {kind.requirement}, but is {shown(value)}.") from None


def bad_option(message: str, hint: str = "Correct it.") -> EngineError:
    return EngineError("BAD_OPTION", message, hint)
