"""Why a sound file cannot be read: a cause that can be named is no reason to copy the file again."""

from __future__ import annotations

from pathlib import Path

from resformer_unet.errors import EngineError

_ENCODINGS = {"raw", "gzip", "gz", "ascii", "text", "txt", "hex"}
_UNPACKED = {"bzip2", "bz2"}  # by this package, where the voxels follow the header
_SKIPS = {"byteskip", "byte skip", "lineskip", "line skip"}
_LONGEST_HEADER = 1 << 20  # bytes
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def why_unsupported(path: Path, kind: str | None, start: bytes) -> EngineError | None:
    """The error for a file that is of an unsupported kind or lacks another file; ``None`` if no such cause is known.

    Args:
        kind, start: as of :func:`.kind_of`.
    """
    if kind == "nifti2":
        return _unsupported(path, "NIfTI-2", "Convert it to NIfTI-1 (.nii.gz) or NRRD.")
    if kind == "nrrd":
        return _of_nrrd(path)
    if kind == "metaimage":
        fields = _fields(path, " = ")
        name = fields.get("elementdatafile", "LOCAL")
        compared = name.upper()
        return None if compared in ("LOCAL", "LIST") or "%" in name else _missing(path, name)
    if kind == "jpeg" and (bits := _jpeg_bits(start)) not in (None, 8):
        return _unsupported(path, f"JPEG with {bits} bits", "Save it as PNG or TIFF.")
    return None


def _of_nrrd(path: Path) -> EngineError | None:
    fields = _fields(path, ":")
    encoding = fields.get("encoding", "raw").lower()
    name = fields.get("datafile", fields.get("data file", "LOCAL"))
    unpacked = encoding in _UNPACKED and name.upper() == "LOCAL" and not _SKIPS & fields.keys()
    if encoding not in _ENCODINGS and not unpacked:
        return _unsupported(path, f"NRRD with the encoding {encoding}", "Save it with the encoding gzip or raw.")
    if name.upper().startswith("LIST") or "%" in name or name.upper() == "LOCAL":
        axes = fields.get("kinds", "").split()
        if any(axis in ("time", "list") for axis in axes):
            return _unsupported(path, "NRRD with an axis of time or of lists", "Export a single time point (frame).")
        return None
    return _missing(path, name)


def _missing(path: Path, name: str) -> EngineError | None:
    if (path.parent / name).exists():
        return None
    return EngineError(
        "DATA_FILE_MISSING",
        f"The file “{name}”, which holds the voxels of “{path.name}”, is missing.",
        "Put both files into one folder, under their original names.",
    )


def _fields(path: Path, separator: str) -> dict[str, str]:
    """The header of a NRRD or MetaImage file, keys in small letters."""
    with path.open("rb") as file:
        text = file.read(_LONGEST_HEADER).partition(b"\n\n")[0].decode("utf-8", "replace")
    pairs = (line.partition(separator) for line in text.splitlines())
    return {key.strip().lower(): value.strip().lstrip("=").strip() for key, found, value in pairs if found}


def _jpeg_bits(start: bytes) -> int | None:
    """Bits a channel, if the frame header is among the first bytes."""
    position = 2
    while position + 5 <= len(start) and start[position] == 0xFF:
        if start[position + 1] in _JPEG_FRAMES:
            return start[position + 4]
        position += 2 + int.from_bytes(start[position + 2 : position + 4], "big")
    return None


def _unsupported(path: Path, what: str, hint: str) -> EngineError:
    return EngineError("UNSUPPORTED_FORMAT", f"“{path.name}” is {what}, which is not supported.", hint)
