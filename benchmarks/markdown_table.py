"""Tables in Markdown, and numbers as they are shown there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def shown(value: float | None, unit: str = "") -> str:
    """About three digits; a dash for what was not measured."""
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 99.5 else 1 if abs(value) >= 9.95 else 2 if abs(value) >= 0.0995 else 3
    return f"{value:.{digits}f}{unit}"
