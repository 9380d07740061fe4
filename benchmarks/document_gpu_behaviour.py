"""How the engine behaves on a graphics card: its choice, its answers beside the CPU's, and full memory."""

from __future__ import annotations

from markdown_table import shown, table
from results import Results

STEPS = {"BATCH_HALVED": "smaller batch", "CPU_INSTEAD_OF_GPU": "on the CPU"}
ENDS = {
    "memory": "memory runs out",
    "time": "larger ones would take longer than was allowed",
    "largest": "no larger one was tried",
}


def device_part(results: Results) -> str:
    row = results.one("device choice")
    if row is None:
        return ""
    verdict = "as it should" if row["right"] else f"**but should take {row['expected']}**"
    return (
        f"### `--device auto`\n\nIt takes {row['chosen']}, {verdict}; the report names {row['reported']} and "
        f"{row['engine']}."
    )


def agreement_part(results: Results) -> str:
    rows = results.all("agreement")
    if not rows:
        return ""
    lines = [
        [row["model"], row["precision"], str(row["slices"]), *(_held(row, name) for name in row["tolerance"]),
         "yes" if row["agrees"] else "**no**"]
        for row in rows
    ]  # fmt: skip
    head = ["model", "precision", "slices", "a mask's probability", "a diagnosis's probability", "Dice of the masks",
            "within tolerance"]  # fmt: skip
    return (
        "### The same answers as the CPU's\n\n"
        "Greatest differences from PyTorch on the CPU, and the tolerance in brackets. Half precision is what the "
        f"engine computes in; float32 is without TF32.\n\n{table(head, lines)}"
    )


def _held(row: dict, name: str) -> str:
    value, limit = row[name], row["tolerance"][name]
    if value is None:
        return "–"
    return f"{value:.5f} (≥ {limit})" if name == "dice" else f"{value:.1e} (≤ {limit})"


def ladder_part(results: Results) -> str:
    rows = results.all("ladder")
    if not rows:
        return ""
    lines = [
        [row["when"], shown(row["left_mb"], " MB"), _steps(row), row["end"] or "–", shown(row["seconds"], " s"),
         "–" if row["dice"] is None else f"{row['dice']:.5f}"]
        for row in rows
    ]  # fmt: skip
    head = ["memory", "left", "what the engine does", "ends on", "time", "Dice with the undisturbed masks"]
    return (
        "### The card's memory filled on purpose\n\n"
        f"A whole batch needs {shown(rows[0]['need_mb'])} MB beside the network.\n\n{table(head, lines)}"
    )


def _steps(row: dict) -> str:
    if row["error"]:
        return f"error {row['error']}"
    counted = {words: row["steps"].count(code) for code, words in STEPS.items()}
    return ", ".join(f"{words}, {n} times" if n > 1 else words for words, n in counted.items() if n) or "nothing"


def largest_part(results: Results) -> str:
    lines = [
        [f"`{row['preset']}`, slices at a time: {row['batch']}",
         f"{row['side']}×{row['side']}", shown(row["seconds"], " s"), ENDS.get(row["ended"], row["ended"])]
        for row in results.all("largest slice")
    ]  # fmt: skip
    if not lines:
        return ""
    head = ["", "largest slice", "its time", "why no larger one"]
    return f"### The largest slice before the engine takes smaller batches or the CPU\n\n{table(head, lines)}"
