"""What can be wrong with an image, said alike wherever it is found."""

from __future__ import annotations

from pathlib import Path

from .errors import EngineError


def corrupt(path: Path) -> EngineError:
    return EngineError(
        "CORRUPT_IMAGE",
        f"“{path.name}” is damaged, not complete, or holds no picture.",
        "Copy or download it again, or export it anew.",
    )


def bad_geometry(name: str) -> EngineError:
    return EngineError(
        "BAD_GEOMETRY",
        f"The geometry of “{name}” is not usable: its spacing or directions are zero, parallel or not numbers.",
        "Correct the spacing and the directions of the image.",
    )


def empty(name: str) -> EngineError:
    return EngineError("IMAGE_EMPTY", f"“{name}” has no pixels.", "Export the image again from where it came from.")


def complex_numbers(name: str) -> EngineError:
    return EngineError("COMPLEX_IMAGE", f"“{name}” holds complex numbers.", "Export its magnitude and give that.")


def four_dimensional(name: str, dimensions: int) -> EngineError:
    return EngineError(
        "IMAGE_4D",
        f"“{name}” has {dimensions} dimensions; one volume or one picture is expected.",
        "Export a single time point (frame) and give that.",
    )
