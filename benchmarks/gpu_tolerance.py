"""How far a device's answers may be from the CPU's.

Half precision has 10 bits of mantissa, as TF32 has in the convolutions of float32: about three digits. Where a mask's
probability is near one half, its slope is a quarter of the logit's, so logits of 10 with an error of 1 % may move it by
some hundredths, on the contour alone; the masks must nearly be the same. Float32 without TF32 leaves another order of
summation.
"""

from __future__ import annotations

TOLERANCES = {
    "half": {"mask_difference": 0.05, "diagnosis_difference": 0.02, "dice": 0.995},
    "float32": {"mask_difference": 0.002, "diagnosis_difference": 0.001, "dice": 0.9995},
}


def agrees(precision: str, figures: dict) -> bool:
    """figures: differences at most, and Dice at least, as in `TOLERANCES`; what is None was not there to compare."""
    limits = TOLERANCES[precision]
    overlap = figures["dice"]
    return all(figures[name] <= limits[name] for name in ("mask_difference", "diagnosis_difference")) and (
        overlap is None or overlap >= limits["dice"]
    )
