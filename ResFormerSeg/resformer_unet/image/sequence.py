"""Sequences of images over time: what is known of one before its frames are read, and which frames a user chose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from resformer_unet.errors import EngineError, shown
from resformer_unet.image.medical_image import MedicalImage

ALL_FRAMES = "all"


@dataclass(frozen=True)
class SequenceInfo:
    """What a sequence is, without its voxels.

    Attributes:
        name: case name, as that of a :class:`.MedicalImage`.
        count: number of frames, at least 2.
        times_s: of each frame in seconds, rising; ``None`` where the file does not state them.
    """

    name: str
    count: int
    times_s: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Sequence:
    """A sequence whose frames are read one at a time, so that memory does not grow with their number.

    Attributes:
        read: called with an index from 0 to ``info.count - 1``; returns that frame as an image. It raises
            ``EngineError``: CORRUPT_IMAGE, MIXED_SERIES and others of :func:`.read_image`. Reading forwards is fast
            for every kind of file.
        close: lets go of open files.
    """

    info: SequenceInfo
    read: Callable[[int], MedicalImage]
    close: Callable[[], None] = lambda: None


def chosen_frames(choice: str, count: int) -> range:
    """The frames that ``all``, ``7`` or ``3-12`` stands for; counted from 0, both ends included.

    Args:
        choice: as a user typed it.
        count: frames of the sequence.

    Raises:
        EngineError: BAD_FRAMES.
    """
    if choice == ALL_FRAMES:
        return range(count)
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", choice.strip(), re.ASCII)
    if match is None:
        raise EngineError(
            "BAD_FRAMES",
            f"The frames must be all, one number, or the first and the last one, but are {shown(choice)}.",
            "Give for instance all, 7 or 3-12; frames are counted from 0.",
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last or last >= count:
        raise EngineError(
            "BAD_FRAMES",
            f"Frames {shown(choice)} were chosen, but the sequence has frames 0 to {count - 1}.",
            "Choose frames within the sequence, the first not after the last.",
        )
    return range(first, last + 1)


def not_a_sequence(name: str) -> EngineError:
    return EngineError(
        "NOT_A_SEQUENCE",
        f"“{name}” is a single image, not a sequence of frames.",
        "Leave out the choice of frames.",
    )
