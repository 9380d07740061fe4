"""Paths that SimpleITK can open: it chooses the reader by the suffix, and ends the process for names that are not text.

A name on POSIX is bytes. Those that are not UTF-8 are strings with surrogates in Python, for which SimpleITK calls
``abort``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def path_to_read(path: Path, suffixes: Sequence[str] = ()) -> Iterator[str]:
    """A path to a file that SimpleITK can open: its own, or that of a link in a temporary folder.

    Args:
        path: an existing file.
        suffixes: one of them must end the name, in small or capital letters; empty if any name will do.
    """
    fitting = [suffix for suffix in suffixes if path.name.lower().endswith(suffix)]
    if _is_text(path) and (fitting or not suffixes):
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="resformer-unet-") as folder:
        suffix = (fitting or suffixes or [path.suffix if _is_text(Path(path.suffix)) else ""])[0]
        link = Path(folder, f"image{suffix}")
        _link(path.absolute(), link)
        yield str(link)


@contextmanager
def folder_to_write(folder: Path) -> Iterator[Path]:
    """An existing folder under a name that SimpleITK can open."""
    if _is_text(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="resformer-unet-") as temporary:
        link = Path(temporary, "output")
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _link(target: Path, link: Path) -> None:
    """A symbolic link, which Windows may not allow; then another name of the same file; then a copy."""
    for make in (os.symlink, os.link, shutil.copyfile):
        try:
            make(target, link)
        except OSError:
            continue
        return
    raise OSError(f"no link to {target!a} could be made")
