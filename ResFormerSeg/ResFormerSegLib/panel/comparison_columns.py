"""The values of a comparison as columns, for the panel and for a table node."""

from __future__ import annotations

import math
from dataclasses import dataclass

import vtk
from slicer.i18n import tr as _


@dataclass(frozen=True)
class Column:
    """values: names, or numbers with nan where there is none. decimals: of a number that is shown."""

    title: str
    values: list
    decimals: int = 0

    def text(self, row: int) -> str:
        value = self.values[row]
        if isinstance(value, str):
            return value
        return "–" if math.isnan(value) else f"{value:.{self.decimals}f}"


def comparisonColumns(rows: list[dict], isPicture: bool) -> list[Column]:
    """rows: as the engine gives them, the result first. A picture has no scale, so distances and volumes are left out.

    The volume's difference is result minus reference, also in per cent of the reference.
    """
    columns = [
        Column(_("Segment"), [row["name"] for row in rows]),
        Column(_("Dice"), [_number(row["dice"]) for row in rows], 3),
        Column(_("Jaccard"), [_number(row["jaccard"]) for row in rows], 3),
    ]
    if not isPicture:
        columns += [
            Column(_("95 % Hausdorff (mm)"), [_number(row["hausdorff95_mm"]) for row in rows], 1),
            Column(_("Volume difference (ml)"), [_number(row["volume_difference_ml"]) for row in rows], 2),
            Column(_("Volume difference (%)"), [_relativeDifference(row) for row in rows], 1),
        ]
    return columns


def fillComparisonTable(tableNode, columns: list[Column]) -> None:
    for column in columns:
        array = vtk.vtkStringArray() if isinstance(column.values[0], str) else vtk.vtkDoubleArray()
        array.SetName(column.title)
        for value in column.values:
            array.InsertNextValue(value)
        tableNode.AddColumn(array)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _relativeDifference(row: dict) -> float:
    reference = row["volume_second_ml"]
    return 100 * row["volume_difference_ml"] / reference if reference else math.nan
