"""Figures of each frame of a sequence, and the report of the sequence."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from resformer_unet import NOT_FOR_CLINICAL_USE
from resformer_unet.errors import EngineError
from resformer_unet.image.sequence import SequenceInfo
from resformer_unet.inference.reliability import reasons_of, reliability

# Codes of what is wrong with one frame only, such as a black one before the contrast agent; anything else ends the run.
OF_ONE_FRAME = frozenset({"CONSTANT_IMAGE", "NO_FINITE_VALUES", "CORRUPT_IMAGE", "NETWORK_NOT_FINITE"})
_MEASURES = ("voxels", "volume_mm3", "area_mm2", "longest_diameter_mm")


def frame_row(index: int, time_s: float | None, report: Mapping) -> dict:
    """What is kept of the report of one frame.

    Returns:
        ``index``, ``time_s``, ``status`` “done”, ``diagnosis`` (id), ``probability``, ``probabilities`` by class,
        ``segments``: by id its ``voxels``, ``volume_mm3``, ``area_mm2`` (of a frame with one slice) and
        ``longest_diameter_mm``, each ``None`` where it is unknown; ``warnings`` (codes), ``reliable``, ``reasons``.
    """
    diagnosis = report["diagnosis"] or {}
    areas = report["slices"][0]["area_mm2"] if len(report["slices"]) == 1 else None
    return {
        "index": index,
        "time_s": _rounded(time_s),
        "status": "done",
        "diagnosis": diagnosis.get("label"),
        "probability": diagnosis.get("probability"),
        "probabilities": dict(diagnosis.get("probabilities", {})),
        "segments": {
            row["id"]: {
                "voxels": row["voxels"],
                "volume_mm3": row["volume_mm3"],
                "area_mm2": None if areas is None else areas[row["id"]],
                "longest_diameter_mm": row["longest_diameter_mm"],
            }
            for row in report["segments"]
        },
        "warnings": [warning["code"] for warning in report["warnings"]],
        "reliable": not reasons_of(report),
        "reasons": reasons_of(report),
    }


def failed_row(index: int, time_s: float | None, error: EngineError) -> dict:
    """The row of a frame that could not be predicted: ``status`` “failed”, ``error``, ``message``; no figures."""
    return {
        "index": index, "time_s": _rounded(time_s), "status": "failed", "error": error.code, "message": str(error),
        "diagnosis": None, "probability": None, "probabilities": {}, "segments": {}, "warnings": [], "reliable": False,
        "reasons": [],
    }  # fmt: skip


class FrameWarnings:
    """Collects the warnings of all frames: each once, with the frames that it is about."""

    def __init__(self) -> None:
        self._frames: dict[str, list[int]] = {}
        self._messages: dict[str, str] = {}

    def add(self, frame: int, warnings: Sequence[Mapping]) -> None:
        for warning in warnings:
            self._messages.setdefault(warning["code"], warning["message"])
            frames = self._frames.setdefault(warning["code"], [])
            if frame not in frames[-1:]:
                frames.append(frame)

    def rows(self, count: int) -> list[dict]:
        """Rows with ``code``, ``message`` (that of the first frame) and ``frames``.

        Args:
            count: of the frames that were run.
        """
        rows = []
        for code, frames in self._frames.items():
            where = "" if len(frames) == count else f"Frame{'s' * (len(frames) > 1)} {_listed(frames)}: "
            rows.append({"code": code, "message": f"{where}{self._messages[code]}", "frames": frames})
        return rows


def sequence_report(
    info: SequenceInfo, rows: list[dict], first: Mapping, warnings: list[dict], times_known: bool
) -> dict:
    """The report of a sequence but for its files and times; ``docs/sequences.md`` explains each entry.

    Args:
        rows: of :func:`frame_row` and :func:`failed_row`.
        first: report of the first frame that was done.
        warnings: rows with ``code`` and ``message``.
    """
    failed = [row["index"] for row in rows if row["status"] == "failed"]
    if failed:
        message = f"Frame{'s' * (len(failed) > 1)} {_listed(failed)} could not be predicted; they have no figures."
        warnings = [*warnings, {"code": "FRAMES_FAILED", "message": message, "frames": failed}]
    reasons = [reason for row in rows for reason in row["reasons"]]
    counts: dict[str, int] = {}
    for row in rows:
        if row["diagnosis"] is not None:
            counts[row["diagnosis"]] = counts.get(row["diagnosis"], 0) + 1
    return {
        "case": info.name,
        "kind": "sequence",
        "model": dict(first["model"]),
        "device": first["device"],
        "engine": first["engine"],
        "frames_in_input": info.count,
        "times_known": times_known,
        "segments": [
            {key: row[key] for key in ("id", "name", "value", "layer", "color", "terminology")}
            for row in first["segments"]
        ],
        "grid": first["grid"],
        "frames": rows,
        "diagnosis_counts": counts,
        "warnings": warnings,
        **reliability(reasons),
        "not_for_clinical_use": NOT_FOR_CLINICAL_USE,
    }


def frames_csv(report: Mapping) -> str:
    """The rows of a sequence's report as CSV: one line a frame, a column for each figure; empty where it is unknown."""
    segments = [row["id"] for row in report["segments"]]
    classes = list(dict.fromkeys(name for row in report["frames"] for name in row["probabilities"]))
    columns = ["frame", "time_s", "status", "diagnosis", *(f"probability_{name}" for name in classes)]
    columns += [f"{segment}_{measure}" for segment in segments for measure in _MEASURES]
    columns += ["reliable", "warnings", "message"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in report["frames"]:
        line = {"frame": row["index"], "time_s": row["time_s"], "status": row["status"], "diagnosis": row["diagnosis"]}
        line |= {f"probability_{name}": round(value, 4) for name, value in row["probabilities"].items()}
        for segment, figures in row["segments"].items():
            line |= {f"{segment}_{name}": None if value is None else round(value, 3) for name, value in figures.items()}
        line |= {"reliable": "yes" if row["reliable"] else "no", "warnings": "; ".join(row["warnings"])}
        writer.writerow({**line, "message": row.get("message", "")})
    return text.getvalue()


def _rounded(time_s: float | None) -> float | None:
    """To the microsecond: files state times as 32-bit numbers."""
    return None if time_s is None else round(time_s, 6)


def _listed(frames: Sequence[int]) -> str:
    """``0-3, 7``: runs of frames by their ends."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1][1:] = [frame]
        else:
            runs.append([frame])
    return ", ".join("-".join(map(str, run)) for run in runs)
