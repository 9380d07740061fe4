"""NIfTI files whose voxels lie in them as in memory: unpacked once, and handed on block by block.

ITK unpacks such a file as a whole, after it had to be unpacked once to see whether it is complete. Here SimpleITK still
says what the header means; the voxels are the bytes that the check for completeness unpacks, also those that are no
numbers, for which ITK puts 0. What is not plain is left to ITK: another byte order, values to be scaled, colours, a
file of several volumes or for the header alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from resformer_unet.image.gzip_blocks import DAMAGED, unpacked_blocks
from resformer_unet.image.medical_image import MedicalImage, case_name, corrupt, image_from_array
from resformer_unet.image.nifti import geometry_warning, nifti_header, scale_of, stated_affine, states_sizes

_TYPES = {  # by the header's datatype; SimpleITK's type is another one if it scales the values
    2: (np.uint8, sitk.sitkUInt8),
    4: (np.int16, sitk.sitkInt16),
    8: (np.int32, sitk.sitkInt32),
    16: (np.float32, sitk.sitkFloat32),
    64: (np.float64, sitk.sitkFloat64),
    256: (np.int8, sitk.sitkInt8),
    512: (np.uint16, sitk.sitkUInt16),
    768: (np.uint32, sitk.sitkUInt32),
}
_HEADER = 352  # bytes, with those that say whether extensions follow


@dataclass(frozen=True)
class PlainNifti:
    """A file whose voxels were not read yet.

    Attributes:
        path: the file, compressed or not.
        image: all of the image but its voxels; those here are a single value, repeated.
        offset: of the first voxel in the unpacked file, in bytes.
    """

    path: Path
    image: MedicalImage
    offset: int

    def blocks(self) -> Iterator[memoryview]:
        """The bytes of the voxels, in pieces.

        Raises:
            EngineError: CORRUPT_IMAGE, once the pieces are through.
        """
        place, end = 0, self.offset + self.image.voxels.nbytes
        try:
            for block in unpacked_blocks(self.path):
                inside = memoryview(block)[max(0, self.offset - place) : max(0, end - place)]
                if inside:
                    yield inside
                place += len(block)
        except DAMAGED:
            raise corrupt(self.path) from None
        if place < end:
            raise corrupt(self.path)

    def read(self) -> MedicalImage:
        """Raises ``EngineError``: CORRUPT_IMAGE."""
        voxels, place = np.empty(self.image.voxels.shape, self.image.voxels.dtype), 0
        content = memoryview(voxels.reshape(-1).view(np.uint8))
        for block in self.blocks():
            content[place : place + len(block)] = block
            place += len(block)
        voxels.flags.writeable = False
        return replace(self.image, voxels=voxels)


def plain_nifti(path: Path, reader: sitk.ImageFileReader) -> PlainNifti | None:
    """A NIfTI-1 file if it is plain, else ``None``.

    Args:
        reader: of the file, after ``ReadImageInformation``.
    """
    header = nifti_header(path)
    if header is None or header["magic"] != b"n+1" or not header.dtype["dim"].base.isnative:
        return None
    dtype, pixel_id = _TYPES.get(int(header["datatype"]), (None, None))
    dimensions, offset = int(header["dim"][0]), float(header["vox_offset"])
    size = reader.GetSize()
    if (
        reader.GetPixelID() != pixel_id
        or scale_of(header) is not None
        or dimensions != 3
        or size != tuple(header["dim"][1:4].tolist())
        or offset < _HEADER
        or not offset.is_integer()
        or not _has_room(2 * math.prod(size) * np.dtype(dtype).itemsize)
    ):
        return None
    affine = stated_affine(path, reader)
    voxels = np.broadcast_to(np.zeros((), dtype), size[::-1])
    image = image_from_array(voxels, affine, case_name(path))
    image = replace(image, warnings=tuple(geometry_warning(path, affine)), pixel_size_known=states_sizes(path))
    return PlainNifti(path, image, int(offset))


def _has_room(size: int) -> bool:
    """Whether the system would give that many bytes: a header may state any size."""
    try:
        np.empty(size, np.uint8)
    except MemoryError:
        return False
    return True
