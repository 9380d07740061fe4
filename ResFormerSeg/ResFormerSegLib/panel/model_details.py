"""The window with what is to know of a model: intended use, limits, measured results, licence, and its card."""

from __future__ import annotations

import html
from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.models.descriptions import ModelDescription, inputName


class ModelDetails:
    """A window of its own that stays open beside the panel; made when it is first asked for.

    onRemove: called with the model that the user wants out of the list.
    """

    def __init__(self, onRemove: Callable[[ModelDescription], None]) -> None:
        self._onRemove = onRemove
        self._model: ModelDescription | None = None
        self.dialog = qt.QDialog(slicer.util.mainWindow())
        self.dialog.objectName = "ResFormerSegModelDetails"
        self.dialog.resize(620, 640)
        layout = qt.QVBoxLayout(self.dialog)
        tabs = qt.QTabWidget()
        self.overview, self.card = qt.QTextBrowser(), qt.QTextBrowser()
        for browser in (self.overview, self.card):
            browser.openExternalLinks = True
        tabs.addTab(self.overview, _("At a glance"))
        tabs.addTab(self.card, _("Model card"))
        layout.addWidget(tabs)
        self.removeButton = qt.QPushButton(_("Remove from the list"))
        self.removeButton.toolTip = _(
            "The folder that you added, with all models in it, is not offered any more. Nothing is deleted."
        )
        self.removeButton.autoDefault = False
        self.removeButton.connect("clicked()", self._remove)
        closeButton = qt.QPushButton(_("Close"))
        closeButton.connect("clicked()", self.dialog.hide)
        buttons = qt.QHBoxLayout()
        buttons.addWidget(self.removeButton)
        buttons.addStretch(1)
        buttons.addWidget(closeButton)
        layout.addLayout(buttons)

    def show(self, model: ModelDescription, canBeRemoved: bool) -> None:
        """canBeRemoved: whether the user added its folder."""
        self._model = model
        self.removeButton.visible = canBeRemoved
        self.dialog.windowTitle = model.title
        self.overview.setHtml(overviewOf(model))
        self.card.setMarkdown(model.card() or _("This model has no card."))
        self.dialog.show()
        self.dialog.activateWindow()

    def _remove(self) -> None:
        self.dialog.hide()
        self._onRemove(self._model)

    def cleanup(self) -> None:
        self.dialog.hide()
        self.dialog.deleteLater()


def overviewOf(model: ModelDescription) -> str:
    """HTML. A model of one's own may lack any of this; what is missing is said so."""
    descriptor = model.descriptor
    unknown = "<i>" + _("not stated") + "</i>"
    parts = [
        f"<h2>{html.escape(model.title)}</h2>",
        f"<p>{html.escape(descriptor['description'])}</p>",
        "<p><b>"
        + _("Not a medical device. For research and teaching; not for clinical use without review.")
        + "</b></p>",
        _heading(_("Intended use")) + f"<p>{html.escape(str(descriptor.get('intended_use') or '')) or unknown}</p>",
        _heading(_("Limits")) + (_list(_rowsOf(descriptor.get("limits"))) or f"<p>{unknown}</p>"),
        _heading(_("Takes and gives")),
        _list(
            [
                _("Takes: {what}").format(what=inputName(model)),
                _("Outlines: {names}").format(names=", ".join(model.segments.values()) or _("nothing")),
                _("Diagnoses: {names}").format(names=", ".join(model.diagnoses.values()) or _("none")),
            ]
        ),
        _heading(_("Measured results")) + (_results(_objectsIn(descriptor.get("results"))) or f"<p>{unknown}</p>"),
        _heading(_("Training data")) + (_trainingData(descriptor.get("training")) or f"<p>{unknown}</p>"),
        _heading(_("Licence and version")),
        _list(
            [
                _("Licence of the weights: {licence}").format(licence=descriptor.get("licence") or _("not stated")),
                _("Version {version}, id {id}").format(version=descriptor.get("version", "?"), id=model.id),
                _("Folder: {folder}").format(folder=model.folder),
            ]
        ),
    ]
    return "".join(parts)


def _heading(text: str) -> str:
    return f"<h3>{text}</h3>"


def _rowsOf(value) -> list:
    """Of a list its entries, of a text the text: whoever wrote the description by hand may have left out brackets."""
    return value if isinstance(value, list) else [value] if value else []


def _objectsIn(value) -> list[dict]:
    return [row for row in _rowsOf(value) if isinstance(row, dict)]


def _list(rows: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(str(row))}</li>" for row in rows) + "</ul>" if rows else ""


def _results(results: list[dict]) -> str:
    """One column for each split; figures as the evaluation measured them."""
    if not results:
        return ""
    titles = [
        _("{split} ({cases} cases)").format(split=result.get("split", "?"), cases=result.get("cases", "?"))
        for result in results
    ]
    figures = [result["metrics"] if isinstance(result.get("metrics"), dict) else {} for result in results]
    names = list(dict.fromkeys(name for metrics in figures for name in metrics))
    head = "".join(f"<th align='right'>&nbsp;&nbsp;{html.escape(title)}</th>" for title in titles)
    rows = [f"<tr><th></th>{head}</tr>"]
    for name in names:
        cells = [_figure(metrics.get(name)) for metrics in figures]
        rows.append(
            f"<tr><td>{html.escape(name.replace('_', ' '))}</td>"
            + "".join(f"<td align='right'>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    return "<table cellspacing='0' cellpadding='2'>" + "".join(rows) + "</table>"


def _figure(value) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "–"


def _trainingData(training) -> str:
    rows = []
    for data in _objectsIn(training.get("data") if isinstance(training, dict) else None):
        rows.append(
            _("{name}: {cases} cases, licence {licence}. {citation}").format(
                name=data.get("name", "?"),
                cases=data.get("cases", "?"),
                licence=data.get("licence", "?"),
                citation=data.get("citation") or "",
            )
        )
    return _list(rows)
