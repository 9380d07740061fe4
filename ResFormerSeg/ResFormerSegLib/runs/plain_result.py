"""A result as text and in Python's own types, for the console and for notebooks."""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.texts import millilitresText, percentText

MOST_NAMED = 4  # segments, warnings


class PlainResult:
    """The base of `ProcessingResult`."""

    def __repr__(self) -> str:
        """Five lines, however many slices there are."""
        model, segments = self.report["model"], [_segmentText(row) for row in self.report["segments"]]
        codes = list(dict.fromkeys(row["code"] for row in self.warnings))
        lines = (
            f"{type(self).__name__} of '{self.report['case']}' by {model['id']} {model['version']}",
            inOneLine(self.report.get("diagnosis")),
            _("segments: {names}").format(names=_listed(segments)),
            _("slices: {count}").format(count=len(self.report["slices"])),
            _("warnings: {codes}").format(codes=_listed(codes)),
        )
        return "\n  ".join(lines)

    def toDict(self) -> dict:
        """In Python's own types, as JSON takes them.

        The entries are the fields and properties of the result; nodes are replaced by their ids, which
        `slicer.mrmlScene.GetNodeByID` takes.
        """
        names = [*vars(self), *(name for kind in type(self).__mro__ for name in vars(kind) if _isProperty(kind, name))]
        return {name: _plain(getattr(self, name)) for name in names}

    def slicesToRows(self) -> list[dict]:
        """A flat row per slice: "index", "probabilities.<class>", "voxels.<segment>", "area_mm2.<segment>" ..."""
        return [_flat(row) for row in self.report["slices"]]

    def slicesToDataFrame(self):
        """`slicesToRows` as a pandas.DataFrame. Raises ResFormerSegError PANDAS_MISSING where there is no pandas."""
        try:
            import pandas
        except ImportError as error:
            raise ResFormerSegError(
                "PANDAS_MISSING",
                _("The Python package pandas is not installed."),
                _("Install it with slicer.util.pip_install('pandas'), or use slicesToRows()."),
            ) from error
        return pandas.DataFrame(self.slicesToRows())


def inOneLine(diagnosis: dict | None) -> str:
    """diagnosis: of a report."""
    if not diagnosis:
        return _("diagnosis: none")
    return _("diagnosis: {label} ({percent})").format(
        label=diagnosis["label"], percent=percentText(diagnosis["probability"])
    )


def _segmentText(row: dict) -> str:
    if row.get("volume_mm3") is None:
        return _("{name} {count} pixels").format(name=row["name"], count=row["voxels"])
    return f"{row['name']} {millilitresText(row['volume_mm3'])}"


def _listed(names: list[str]) -> str:
    if not names:
        return _("none")
    rest = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED])
    return _("{names} and {count} more").format(names=listed, count=rest) if rest > 0 else listed


def _flat(row: dict) -> dict:
    found = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            found[name] = value
    return found


def _isProperty(kind: type, name: str) -> bool:
    return isinstance(vars(kind)[name], property)


def _plain(value):
    if hasattr(value, "GetID"):
        return value.GetID()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
