"""The coded terminology of a segment, as the engine's reports take it."""

from __future__ import annotations

from ResFormerSegLib.scene.segment_source import UNSPECIFIC_TYPES


def codesOf(segment) -> dict | None:
    """{"category", "type", "modifier"}, each with scheme, value and meaning, the last perhaps None.

    None for a segment without a type, or with "Tissue", Slicer's default for every new one, which nobody has chosen.
    """
    parts = (segment.GetTerminology() or "").split("~")
    codes = [_codeOf(part) for part in parts[1:4]]
    if len(codes) < 3 or codes[0] is None or codes[1] is None or codes[1]["value"] in UNSPECIFIC_TYPES:
        return None
    return dict(zip(("category", "type", "modifier"), codes, strict=True))


def _codeOf(text: str) -> dict | None:
    """text: scheme, value and meaning, as "SCT^4421005^Cell"."""
    parts = text.split("^")
    return dict(zip(("scheme", "value", "meaning"), parts, strict=True)) if len(parts) == 3 and parts[1] else None
