"""The lines above the charts: which colour is what, and how much of it the slice that is shown has.

A chart's own legend would hide a third of the chart in a panel of this width.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

from slicer.i18n import tr as _


@dataclass(frozen=True)
class LegendEntry:
    """color: red, green, blue, 0 to 255. values: by index of the slice; missing where there is none."""

    name: str
    color: tuple[int, int, int]
    values: dict[int, float]


def legendText(entries: list[LegendEntry], index: int | None, figure: Callable[[float], str]) -> str:
    """Rich text. index: of the slice that is shown, None without one. figure: writes a value."""
    parts = []
    for entry in entries:
        bullet = "<span style='color: rgb({}, {}, {})'>●</span>".format(*entry.color)
        value = entry.values.get(index) if index is not None else None
        text = f"{bullet}&nbsp;{html.escape(entry.name)}"
        parts.append(text if value is None else f"{text} <b>{html.escape(figure(value))}</b>")
    line = " &nbsp; ".join(parts)
    return line if index is None else _("Slice {index}: {values}").format(index=index, values=line)
