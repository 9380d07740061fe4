"""The header of a NRRD file of labels or probabilities: what ITK and 3D Slicer read geometry and names from.

https://teem.sourceforge.net/nrrd/format.html. SimpleITK writes such files too, but only from a copy of the voxels, and
its import alone takes 0.15 s and 100 MB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.image.medical_image import MedicalImage

_SPACE = ("domain", "domain", "domain")  # kinds of the axes of columns, rows and slices


def nrrd_header(
    image: MedicalImage,
    fields: Mapping[str, str],
    before: tuple[str, int] | None = None,
    behind: tuple[str, int] | None = None,
    lines: Sequence[str] = (),
) -> bytes:
    """The header of a file of unsigned bytes on the grid of an image, which follow as a gzip.

    Args:
        fields: key and value of the file's own entries.
        before, behind: kind and length of an axis that changes faster or slower than columns, rows and slices.
        lines: further fields of the format itself.
    """
    slices, rows, columns = image.shape
    axes = [before, *zip(_SPACE, (columns, rows, slices), strict=True), behind]
    directions = ["none", *(_vector(image.affine[:3, axis]) for axis in range(3)), "none"]
    present = [index for index, axis in enumerate(axes) if axis is not None]
    described = [
        "NRRD0004",
        "type: uint8",
        f"dimension: {len(present)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(axes[index][1]) for index in present)}",
        f"space directions: {' '.join(directions[index] for index in present)}",
        f"kinds: {' '.join(axes[index][0] for index in present)}",
        *lines,
        "encoding: gzip",
        f"space origin: {_vector(image.affine[:3, 3])}",
        *(f"{key}:={_escaped(value)}" for key, value in fields.items()),
    ]
    return "\n".join([*described, "", ""]).encode()


def _vector(values: np.ndarray) -> str:
    return f"({','.join(f'{value:.17g}' for value in values)})"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
