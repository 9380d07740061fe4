"""What an input looked like when it was read, so that a later run can tell whether it has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

# Headers whose voxels are in a file of the same name beside them, and what those files end in.
_HEADERS, _VOXELS = (".hdr", ".mhd", ".nhdr"), (".img", ".raw", ".zraw", ".gz")


def input_state(path: Path) -> dict | None:
    """``files`` and ``bytes`` of an input, and ``sha256`` of the names, sizes and modification times of its files.

    Of a folder all files directly in it count, of a header also the file with the voxels. The contents are not read.
    ``None`` if the input cannot be looked at.
    """
    try:
        facts = sorted((file.name, *_size_and_time(file)) for file in _files(path))
    except (OSError, ValueError):
        return None
    lines = "\n".join(f"{name}\t{size}\t{modified}" for name, size, modified in facts)
    digest = hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
    return {"files": len(facts), "bytes": sum(size for _, size, _ in facts), "sha256": digest}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in path.iterdir() if file.is_file()]
    if path.suffix.lower() not in _HEADERS:
        return [path]
    beside = (file for file in path.parent.iterdir() if file.name.startswith(f"{path.stem}."))
    return [path, *(file for file in beside if file.suffix.lower() in _VOXELS)]


def _size_and_time(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns
