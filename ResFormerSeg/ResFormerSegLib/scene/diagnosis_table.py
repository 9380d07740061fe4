"""The per-slice figures of a report as columns of a table node: what a chart along the volume is drawn from."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _


def fillDiagnosisTable(tableNode, report: dict) -> None:
    """Columns: the slice's index along the report's array axis, "P(<class>)" from 0 to 1, "<segment> (voxels)"."""
    import numpy as np

    rows = report["slices"]
    columns = {_("Slice"): np.array([row["index"] for row in rows], np.int32)}
    for label in (report["diagnosis"] or {}).get("probabilities", {}):
        title = _("P({label})").format(label=label)
        columns[title] = np.array([(row["probabilities"] or {}).get(label, np.nan) for row in rows], np.float64)
    for segment in report["segments"]:
        title = _("{segment} (voxels)").format(segment=segment["name"])
        columns[title] = np.array([(row["voxels"] or {}).get(segment["id"], 0) for row in rows], np.int32)
    slicer.util.updateTableFromArray(tableNode, list(columns.values()), list(columns))
    tableNode.SetUseColumnTitleAsColumnHeader(True)
