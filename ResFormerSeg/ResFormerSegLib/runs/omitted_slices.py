"""Whether a result is of a part of its volume only, which its sizes and its diagnosis do not show."""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.scene.slice_positions import sliceCount


def analysedSlices(report: dict, volumeNode) -> tuple[int, int, int] | None:
    """The first and the last slice that were analysed, and the last one of the volume; None when all were."""
    indices = [row["index"] for row in report["slices"]]
    count = sliceCount(volumeNode, report["slice_axis"]["array_axis"])
    return (min(indices), max(indices), count - 1) if indices and len(indices) < count else None


def omittedSlicesNotice(report: dict, volumeNode) -> dict | None:
    """A warning, with code and message, when not all slices were analysed; else None."""
    analysed = analysedSlices(report, volumeNode)
    if analysed is None:
        return None
    first, last, end = analysed
    if first == last:
        text = _("Only slice {first} of 0 to {end} was analysed: sizes and diagnosis are of this slice alone.")
    else:
        text = _("Only slices {first} to {last} of 0 to {end} were analysed: sizes and diagnosis are of these alone.")
    return {"code": "SLICES_OMITTED", "message": text.format(first=first, last=last, end=end)}
