"""What a user may choose for one prediction, beyond the model and the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real

from resformer_unet.errors import EngineError


@dataclass(frozen=True)
class PredictOptions:
    """Choices for one image; the defaults leave everything to the model.

    Attributes:
        slice_axis: in place of the model's: acquisition, axial, coronal, sagittal, stored, or an array axis, axis0 to
            axis2.
        slices: first and last slice, both included, counted from 0 along the array axis that is cut; the others are
            neither run nor outlined.
        min_area_mm2: smaller pieces of a slice are dropped, in place of the model's own limit.
        smoothing_mm: standard deviation of the Gaussian that smooths each outline in its slice; 0 leaves it as it is.
        probability_maps: keep each segment's probability at every voxel.
    """

    slice_axis: str | None = None
    slices: tuple[int, int] | None = None
    min_area_mm2: float | None = None
    smoothing_mm: float = 0.0
    probability_maps: bool = False

    @classmethod
    def from_dict(cls, options: Mapping | None) -> PredictOptions:
        """Options as they come from another program; entries may be absent or null.

        Raises:
            EngineError: BAD_OPTION, naming the entry.
        """
        given = {name: value for name, value in (options or {}).items() if value is not None}
        known = [field.name for field in fields(cls)]
        if unknown := sorted(given.keys() - set(known)):
            raise bad_option(f"There is no option “{unknown[0]}”.", f"Options are {', '.join(known)}.")
        if not isinstance(given.get("slice_axis", ""), str):
            raise bad_option("The slice axis must be a name.", "Choose axial, coronal or sagittal.")
        if "slices" in given:
            given["slices"] = _range(given["slices"])
        for name, what in (("min_area_mm2", "The smallest area"), ("smoothing_mm", "The smoothing")):
            if name in given:
                given[name] = _size(given[name], what)
        if not isinstance(given.get("probability_maps", False), bool):
            raise bad_option("probability_maps must be true or false.")
        return cls(**given)

    def slice_range(self, count: int) -> range:
        """The slices to run, of an image that has ``count``.

        Raises:
            EngineError: BAD_OPTION if the image has no such slices.
        """
        if self.slices is None:
            return range(count)
        first, last = self.slices
        if last >= count:
            raise bad_option(
                f"Slices {first} to {last} were asked for, but along this axis the image has slices 0 to {count - 1}.",
                "Choose slices within the image.",
            )
        return range(first, last + 1)


def bad_option(message: str, hint: str = "Correct it.") -> EngineError:
    return EngineError("BAD_OPTION", message, hint)


def _range(value: object) -> tuple[int, int]:
    pair = list(value) if isinstance(value, list | tuple) else []
    if len(pair) != 2 or any(isinstance(index, bool) or not isinstance(index, int) for index in pair):
        raise bad_option("The slice range must be the first and the last slice, two whole numbers.")
    first, last = pair
    if not 0 <= first <= last:
        raise bad_option(
            f"The slice range {first} to {last} is impossible.", "Count from 0, and name the first slice first."
        )
    return first, last


def _size(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value < 0:
        raise bad_option(f"{what} must be a number of at least 0, but is {value!r}.")
    return float(value)
