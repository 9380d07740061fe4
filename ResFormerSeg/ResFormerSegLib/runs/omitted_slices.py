"""Whether a result is of a part of its volume only, which its sizes and its diagnosis do not show."""

from __future__ import annotations

from ResFormerSegLib.scene.slice_positions import sliceCount


def analysedSlices(report: dict, volumeNode) -> tuple[int, int, int] | None:
    """The first and the last slice that were analysed, and the last one of the volume; None when all were."""
    indices = [row["index"] for row in report["slices"]]
    count = sliceCount(volumeNode, report["slice_axis"]["array_axis"])
    return (min(indices), max(indices), count - 1) if indices and len(indices) < count else None
