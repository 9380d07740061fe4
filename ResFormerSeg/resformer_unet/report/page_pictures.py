"""The pictures of a result as a page shows them, each with its caption; or why there is none."""

from __future__ import annotations

import base64

import numpy as np

from resformer_unet.report.case import ReportCase
from resformer_unet.report.picture import draw_picture
from resformer_unet.report.surface_picture import draw_surfaces


def page_pictures(case: ReportCase) -> list[dict]:
    """Rows with ``data`` (a URL), ``width``, ``height`` and ``caption``: the slice with the largest lesion, and the
    segments in three dimensions; what cannot be shown is left out."""
    return [picture for picture in (_slice(case), _surfaces(case)) if picture]


def why_no_picture(case: ReportCase) -> str:
    """Of a slice; empty where there is one."""
    if case.report["largest_lesion"] is None:
        return "Nothing is segmented, so there is no picture."
    return "" if case.image is not None else "No slice is shown: the image could not be read when this report was made."


def _slice(case: ReportCase) -> dict | None:
    content = draw_picture(case)
    if content is None:
        return None
    lesion, plane = case.report["largest_lesion"], case.report["slice_axis"]["plane"]
    names = {row["id"]: row["name"] for row in case.report["segments"]}
    where = "" if case.image.shape[case.report["slice_axis"]["array_axis"]] == 1 else f", slice {lesion['slice']}"
    where += f" ({plane})" if plane != "picture" else ""
    return _embedded(
        content,
        f"Largest connected component: {names[lesion['segment']]}{where}. Lines are the contours of the segments, in "
        "their colours; brightness is scaled for the picture.",
    )


def _surfaces(case: ReportCase) -> dict | None:
    """``None`` for pictures, for single slices, and where distances are not known in millimetres in all directions."""
    report = case.report
    has_volumes = any(row["volume_mm3"] is not None for row in report["segments"])
    if report["grid"] is None or not has_volumes or min(case.masks.shape[1:]) < 2:
        return None
    drawn = draw_surfaces(case.masks, report["segments"], np.array(report["grid"]["affine_lps"], float))
    if drawn is None:
        return None
    several = " Segments behind others shine through." if case.masks.any(axis=(1, 2, 3)).sum() > 1 else ""
    return _embedded(
        drawn.content,
        "The segments as they lie in the patient, seen from the front (left picture) and from the patient’s left side "
        f"(right picture), without perspective. R right, L left, A front, P back, S head, I feet; the bar is "
        f"{drawn.bar_mm:g} mm.{several} Between the slices the surface is interpolated.",
    )


def _embedded(content: bytes, caption: str) -> dict:
    width, height = (int(length) for length in np.frombuffer(content[16:24], ">u4"))
    data = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return {"data": data, "width": width, "height": height, "caption": caption}
