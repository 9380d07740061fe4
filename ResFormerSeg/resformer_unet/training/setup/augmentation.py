"""Settings of the augmentation of training images, each declared once with its range, default and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resformer_unet.errors import EngineError
from resformer_unet.option_fields import Number, Options, option


def _probability(label: str, help: str, default: float = 0.0) -> Any:
    return option(Number(0, 1), label, help, default)


def _strength(most: float, label: str, help: str, default: float = 0.0) -> Any:
    return option(Number(0, most), label, help, default)


@dataclass(frozen=True)
class Augmentation(Options):
    """Augmentation of training images; 0 switches a transform off.

    Probabilities are those of one picture. Strengths are the largest that is drawn, uniformly and, of the intensities,
    for half of the pictures. Intensities and their fractions refer to the range from 0 to 1 between the descriptor's
    limits.
    """

    flip_rows: float = _probability("Flipping rows", "probability of a picture upside down")
    flip_columns: float = _probability("Flipping columns", "probability of a mirrored picture", 0.5)
    transpose: float = _probability("Transposing", "probability that rows and columns of a square input are exchanged")
    rotation: float = _strength(180, "The rotation", "degrees to either side", 20.0)
    scale: float = _strength(0.5, "The scale", "fraction to either side, rows and columns apart", 0.2)
    shift: float = _strength(0.5, "The shift", "fraction of the size to either side", 0.08)
    zoom: float = _probability(
        "Zooming", "probability of enlarging a part of the picture up to 1.7 times, or shrinking it to 0.7"
    )

    contrast: float = _strength(1, "The contrast", "factor of the distance from the mean, to either side of 1", 0.15)
    brightness: float = _strength(0.5, "The brightness", "offset to either side", 0.1)
    gain: float = _strength(1.5, "The gain", "natural logarithm of a factor, to either side; bright tones saturate")
    gamma: float = _strength(1.5, "The gamma", "natural logarithm of the exponent, to either side")
    time_gain: float = _strength(
        1.5,
        "The time gain",
        "natural logarithm of a factor that changes smoothly with the row, as the depth gain of US",
    )
    bias_field: float = _strength(
        1.5, "The bias field", "natural logarithm of a factor that changes smoothly, as in MR"
    )
    colour: float = _strength(0.5, "The colour", "white balance: factor of each channel, to either side of 1")
    hue: float = _strength(0.5, "The hue", "rotation of the colours to either side, fraction of a full turn; RGB only")
    saturation: float = _strength(
        1, "The saturation", "factor of the distance from grey, to either side of 1; RGB only"
    )
    noise: float = _strength(0.5, "The noise", "standard deviation of additive Gaussian noise", 0.05)
    speckle: float = _strength(1, "The speckle", "standard deviation of multiplicative, spatially correlated noise")

    blur: float = _probability("Blurring", "probability of a Gaussian blur of 0.5 to 1.6 pixels", 0.15)
    resolution: float = _probability(
        "The resolution", "probability of sampling 1.3 to 3.5 times more coarsely and back"
    )
    jpeg: float = _probability("JPEG", "probability of compression as JPEG with a quality of 15 to 80")

    borders: float = _probability("Borders", "probability of black borders, some of them slanted")
    vignette: float = _probability("The vignette", "probability of a dark surround outside a circle, as in dermoscopes")
    text: float = _probability("Text", "probability of burnt-in letters and rulers")
    callipers: float = _probability("Callipers", "probability of burnt-in callipers, around a lesion or elsewhere")
    hairs: float = _probability("Hairs", "probability of dark or fair hairs")
    skull_stripping: float = _probability(
        "Skull stripping", "probability that all but the inside of a head is black; a picture of no head is left alone"
    )
    lesion_inpainting: float = _probability(
        "Lesion inpainting",
        "probability that lesions are replaced by tissue from elsewhere in the picture, which then serves as a "
        "lesion-free one whose label is ignored",
    )
    mixup: float = _probability(
        "Mixup", "probability that the pictures of a batch are blended in pairs, with their labels"
    )
    cutmix: float = _probability(
        "CutMix", "probability that a part of each picture of a batch, with its mask, is another's; labels by area"
    )

    def __post_init__(self) -> None:
        """Raises ``EngineError`` RECIPE_INVALID for a value out of range."""
        try:
            super().__post_init__()
        except EngineError as error:
            raise EngineError("RECIPE_INVALID", f"In the augmentation: {error.message}", error.hint) from None
        if self.mixup + self.cutmix > 1:
            raise EngineError(
                "RECIPE_INVALID",
                "In the augmentation: the probabilities of mixup and CutMix add up to more than 1.",
                "A batch is mixed in one way only: lower one of them.",
            )
