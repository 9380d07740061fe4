"""The cases that a folder of results holds already, from an earlier session or from the command line."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from resformer_unet.batch.case_row import case_row
from resformer_unet.batch.volume_state import is_volume
from resformer_unet.json_text import parse_json
from ResFormerSegLib.cases.case_input import CaseInput
from ResFormerSegLib.cases.row import KEPT, Row

REPORT = ".json"


def earlierRows(folder: str) -> Generator[None, None, list[Row]]:
    """In the order of names; each step reads one file. What is no report of a case is passed over."""
    rows = []
    try:
        files = [name for name in os.listdir(folder) if name.endswith(REPORT) and not name.startswith(".")]
    except OSError:
        return rows
    for case in sorted(name.removesuffix(REPORT) for name in files):
        yield
        try:
            report = parse_json((Path(folder) / f"{case}{REPORT}").read_text("utf-8"))
            facts = case_row(report)
            if facts is None or facts.case != case or not isinstance(report.get("input"), str):
                continue
            source = None
            if not is_volume(report):
                source = CaseInput(facts.case, path=report["input"], series=report.get("series") or "", isPlanned=True)
        except (OSError, ValueError, AttributeError):
            continue
        rows.append(Row(facts.case, len(rows), source, KEPT, facts.case, facts))
    return rows
