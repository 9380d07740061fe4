"""The shifts between training images and other people's, at three strengths, for a stress test of a model.

After Hendrycks, Dietterich: Benchmarking neural network robustness to common corruptions and perturbations. ICLR 2019,
arXiv:1903.12261; the shifts are those of medical imaging. Strengths are ours: the first is hardly seen, the middle one
is everyday practice of another hospital, the last is an image that people would still read but complain about.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from resformer_unet.atomic_files import text_bytes
from resformer_unet.evaluation import geometric_shifts, intensity_shifts
from resformer_unet.image.medical_image import MedicalImage

STRENGTHS = ("mild", "middle", "strong")


@dataclass(frozen=True)
class Shift:
    """One kind of shift.

    Attributes:
        name: id, for instance ``blur``.
        title: for people.
        levels: parameter at each of the :data:`STRENGTHS`, in the unit that the function states.
        function: of :mod:`.intensity_shifts`, or of :mod:`.geometric_shifts` if ``geometric``.
        volumes_only: whether it needs several slices.
        modalities: DICOM codes that it is meant for; empty: all.
    """

    name: str
    title: str
    levels: tuple[float, float, float]
    function: Callable
    geometric: bool = False
    volumes_only: bool = False
    modalities: tuple[str, ...] = ()


SHIFTS = (
    Shift("contrast", "Contrast", (0.15, 0.3, 0.6), intensity_shifts.contrast),
    Shift("gamma", "Gamma", (0.15, 0.3, 0.6), intensity_shifts.gamma),
    Shift("gain", "Intensity scaling", (0.1, 0.2, 0.4), intensity_shifts.gain),
    Shift("noise", "Noise", (0.02, 0.04, 0.1), intensity_shifts.noise),
    Shift("blur", "Blur", (0.5, 1.0, 2.0), intensity_shifts.blur),
    Shift("resolution", "Resolution", (1.5, 2.0, 3.0), intensity_shifts.resolution),
    Shift("jpeg", "JPEG", (60, 30, 10), intensity_shifts.jpeg),
    Shift("bias_field", "Uneven brightness", (0.2, 0.4, 0.8), intensity_shifts.bias_field),
    Shift("ghosting", "Motion ghosts", (0.1, 0.2, 0.4), intensity_shifts.ghosting, modalities=("MR",)),
    Shift("shadows", "Shadows", (0.3, 0.5, 0.8), intensity_shifts.shadows, modalities=("US", "OPT")),
    Shift("hairs", "Hairs", (5, 15, 40), intensity_shifts.hairs, modalities=("DMS", "ES", "XC", "GM", "SM")),
    Shift("crop", "Cropping", (0.05, 0.1, 0.2), geometric_shifts.crop, geometric=True),
    Shift("rotation", "Rotation", (5, 10, 25), geometric_shifts.rotation, geometric=True),
    Shift(
        "slice_thickness", "Slice thickness", (0.1, 0.2, 0.3), geometric_shifts.slice_thickness,
        geometric=True, volumes_only=True,
    ),
)  # fmt: skip


def shifts_for(modality: str) -> tuple[Shift, ...]:
    """The shifts that suit a model's modality."""
    return tuple(shift for shift in SHIFTS if not shift.modalities or modality in shift.modalities)


def shifted(
    image: MedicalImage, masks: np.ndarray | None, shift: Shift, strength: int, seed: int = 0
) -> tuple[MedicalImage, np.ndarray | None]:
    """An image of a case, and its reference masks, under a shift.

    The same case, shift and seed give the same random choices at every strength, so that strengths can be compared.

    Args:
        masks: bool (segments, slices, rows, columns), or ``None``.
        strength: index of :data:`STRENGTHS`.

    Returns:
        An image of the same dtype and within the same range of values, and masks on its grid. The affine is that of
        the original; after a geometric shift it no longer says where the image lies in the patient.
    """
    lower, upper = _range(image.voxels)
    if not upper > lower or (shift.volumes_only and min(image.shape) < 2):
        return image, masks
    random = np.random.default_rng((seed, zlib.crc32(text_bytes(f"{image.name} {shift.name}"))))
    values = (image.voxels.astype(np.float32) - lower) / (upper - lower)
    level = shift.levels[strength]
    if shift.geometric:
        values, masks = shift.function(values, masks, random, level)
    else:
        values = shift.function(values, random, level)
    voxels = values.clip(0, 1) * (upper - lower) + lower
    if image.voxels.dtype.kind in "iu":
        voxels = np.rint(voxels)
    return replace(image, voxels=voxels.astype(image.voxels.dtype)), masks


def _range(voxels: np.ndarray) -> tuple[float, float]:
    """What an intensity of 0 and of 1 means: the whole range of 8-bit pictures, else that of the image."""
    if voxels.dtype == np.uint8:
        return 0.0, 255.0
    finite = voxels[np.isfinite(voxels)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
