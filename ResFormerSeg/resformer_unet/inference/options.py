"""What a user may choose for one image, beyond the model and the device."""

from __future__ import annotations

from dataclasses import dataclass

from resformer_unet.option_fields import Choice, Number, Options, SliceRange, Switch, Text, bad_option, option

SLICE_AXES = ("acquisition", "axial", "coronal", "sagittal", "stored", "axis0", "axis1", "axis2")


@dataclass(frozen=True)
class SliceOptions(Options):
    """Which slices of an image are processed."""

    slice_axis: str | None = option(
        Choice(SLICE_AXES),
        "The slice axis",
        "axis along which the slices are taken; axis0 to axis2 are the array axes that a report names",
        absent="the model's",
    )
    slices: tuple[int, int] | None = option(
        SliceRange(),
        "The slice range",
        "first and last slice to process, both included, counted from 0 along the slice axis",
        absent="all slices",
    )

    def slice_range(self, count: int) -> range:
        """The slices to process, of an image that has ``count``.

        Raises:
            EngineError: BAD_OPTION if the image has no such slices.
        """
        if self.slices is None:
            return range(count)
        first, last = self.slices
        if last >= count:
            raise bad_option(
                f"Slices {first} to {last} were chosen, but along this axis the image has slices 0 to {count - 1}.",
                "Choose slices within the image.",
            )
        return range(first, last + 1)


@dataclass(frozen=True)
class PredictOptions(SliceOptions):
    """Options of a prediction; the defaults leave every choice to the model."""

    min_area_mm2: float | None = option(
        Number(0, unit="mm2"),
        "The smallest area",
        "remove connected components of a slice that are smaller than this area",
        absent="the model's",
    )
    smoothing_mm: float = option(
        Number(0, unit="mm"),
        "The smoothing",
        "standard deviation of the Gaussian that smooths the contours of each segment in its slice; 0 for none",
        default=0.0,
    )
    probability_maps: bool = option(
        Switch(),
        "The choice of probability maps",
        "also write the probability of each segment at every voxel, in per cent",
        default=False,
    )


@dataclass(frozen=True)
class ExplainOptions(SliceOptions):
    """Options of an explanation."""

    diagnosis: str | None = option(
        Text("ID"), "The diagnosis", "id of the class to explain", absent="the most probable class"
    )
