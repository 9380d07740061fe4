"""Arrays that the worker and the other program exchange, as .npy files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.worker.protocol import bad_command


def read_array(path: str, entry: str) -> np.ndarray:
    """The array of a .npy file, mapped into memory: it may be larger than the free memory.

    Args:
        entry: of the command, for the error message.

    Raises:
        EngineError: BAD_COMMAND.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise bad_command(f"{entry} “{path}” cannot be read ({error})") from error


def write_array(path: Path, array: np.ndarray) -> str:
    """Write an array of at least two dimensions in C order, however it lies in memory; returns the path.

    Readers need not support Fortran order, which ``np.save`` chooses for a transposed array. One plane of the last two
    axes is copied at a time.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE.
    """
    header = {"shape": array.shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(array.dtype)}
    try:
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for index in np.ndindex(array.shape[:-2]):
                file.write(np.ascontiguousarray(array[index]).data)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"The result could not be written to {path.parent}: {error.strerror or error}.",
            "Free some space on the disk of the temporary folder.",
        ) from error
    return str(path)
