"""The earlier result of a case, set aside while the new one takes its place."""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from resformer_unet.batch.cases import BESIDE_REPORT, REPORT, SEGMENTATION, unfinished_report


def _of_another(file: Path) -> bool:
    """Whether a file that may be a sequence's, ``t1.frames.lv.seg.nrrd``, is that of a case ``t1.frames.lv``."""
    if ".frames." not in file.name or not file.name.endswith(SEGMENTATION):
        return False
    name = file.name.removesuffix(SEGMENTATION)
    return (file.parent / f"{name}{REPORT}").exists() or unfinished_report(file.parent, name).exists()


class EarlierResult:
    """Keeps the files of an earlier result until those of the new one have their names.

    Files cannot be replaced together, but a report can come last: while :meth:`set_aside` has been called and the block
    has not ended, no report of the case has its name. So a killed process leaves no report beside images that are
    missing or another run's. A failure in the block brings the earlier result back.

    Args:
        output: the folder of the results; name: of the case; is_new: see :class:`.BatchCase`.
    """

    def __init__(self, output: Path, name: str, is_new: bool = False) -> None:
        self._output = output
        self._own = re.compile(re.escape(name) + f"({BESIDE_REPORT})")
        self._report = output / f"{name}{REPORT}"
        self._unfinished = unfinished_report(output, name)
        self._usual = [self._report, self._unfinished, output / f"{name}{SEGMENTATION}"]
        self._is_new = is_new
        self._aside: dict[Path, Path] = {}
        self._is_aside = False

    def __enter__(self) -> EarlierResult:
        return self

    def set_aside(self, report: bytes) -> None:
        """Move the files of the earlier result to temporary names, its report first.

        ``report`` is the new one, which tells the next run whose images lie here if this process is killed.

        Raises:
            OSError: if a file cannot be written or moved.
        """
        # Another process may have written a result of this name since the run began.
        nothing = self._is_new and not any(file.exists() for file in self._usual)
        self._unfinished.write_bytes(report)
        for file in () if nothing else (self._report, *self._images()):
            self._aside[file] = self._output / f".{uuid.uuid4().hex}{file.suffix}"
            with suppress(FileNotFoundError):  # nothing to replace, or another process is about to replace the same
                os.replace(file, self._aside[file])
        self._is_aside = True

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None:
            for file in self._images() if self._is_aside else ():  # new ones
                with suppress(OSError):
                    file.unlink()
            for file, temporary in reversed(self._aside.items()):
                with suppress(OSError):
                    os.replace(temporary, file)
        for file in (*self._aside.values(), self._unfinished):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def _images(self) -> list[Path]:
        try:
            return [file for file in self._output.iterdir() if self._own.fullmatch(file.name) and not _of_another(file)]
        except FileNotFoundError:  # somebody has removed the folder
            return []
