"""Large arrays through uncompressed .npy files, a piece at a time, so that the application stays alive meanwhile.

All functions are generators: each step takes some milliseconds.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Generator, Iterable
from pathlib import Path

import vtk

PIECE = 8 * 1024 * 1024  # bytes; 512 x 512 x 200 voxels of 16 bits are 13 pieces


def writeArray(path: Path, array) -> Generator[None, None, str]:
    """Writes a numpy array; returns its `checksumOf`. Raises OSError, and ValueError for Python objects."""
    return (yield from _write(path, array.shape, array.dtype, [array]))


def checksumOf(array) -> Generator[None, None, str]:
    """CRC-32 of the bytes of a numpy array, in hexadecimal digits."""
    checksum = 0
    for piece in _pieces(array):
        checksum = zlib.crc32(piece, checksum)
        yield
    return f"{checksum:08x}"


def wholeChecksumOf(array) -> str:
    """As `checksumOf`, in one piece."""
    steps = checksumOf(array)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def writeLayers(path: Path, count: int, layers: Iterable) -> Generator[None, None, None]:
    """Writes numpy arrays of one type and shape, which may be made one after the other, as one array (count, ...)."""
    layers = iter(layers)
    first = next(layers)
    yield
    yield from _write(path, (count, *first.shape), first.dtype, itertools.chain([first], layers))


def _write(path: Path, shape: tuple[int, ...], dtype, arrays: Iterable) -> Generator[None, None, str]:
    """Returns the checksum of what was written, which costs far less than to read it all again."""
    import numpy as np

    checksum = 0
    with path.open("wb") as file:
        header = {"shape": shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(dtype)}
        np.lib.format.write_array_header_1_0(file, header)
        for array in arrays:
            yield
            for piece in _pieces(array):
                file.write(piece)
                checksum = zlib.crc32(piece, checksum)
                yield
    return f"{checksum:08x}"


def _pieces(array) -> Iterable[memoryview]:
    import numpy as np

    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE].data


def readArrays(path: str, dtype: str, shape: tuple[int, ...]) -> Generator[None, None, list]:
    """The file's array, cut along its first axis into VTK arrays, which nodes can take over as they are.

    shape: without the first axis; a file that lacks it gives one array. Raises OSError, and ValueError for a file that
    is no array, or one of another type or shape.
    """
    import numpy as np
    from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

    arrays = []
    with open(path, "rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("an unknown version of the .npy format")
        found, isFortran, given = np.lib.format.read_array_header_1_0(file)
        count = 1 if len(found) == len(shape) else found[0]
        if isFortran or given != np.dtype(dtype) or found[len(found) - len(shape) :] != shape:
            raise ValueError(f"an array of {found} {given}, not of {shape} {dtype}")
        for _index in range(count):
            array = vtk.vtkDataArray.CreateDataArray(get_vtk_array_type(np.dtype(dtype)))
            array.SetNumberOfValues(int(np.prod(shape)))
            content = memoryview(vtk_to_numpy(array)).cast("B")
            for start in range(0, len(content), PIECE):
                if file.readinto(content[start : start + PIECE]) != len(content[start : start + PIECE]):
                    raise ValueError("the file is too short")
                yield
            arrays.append(array)
    return arrays
