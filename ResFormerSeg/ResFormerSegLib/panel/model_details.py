"""The window with the details of a model: intended use, limits, measured results, licence, and the model card."""

from __future__ import annotations

import html
from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.models.catalog import ModelDescription, inputName


class ModelDetails:
    """A window that stays open beside the panel; made when it is first asked for.

    onRemove: called with the model whose folder the user removes from the list.
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
        tabs.addTab(self.overview, _("Overview"))
        tabs.addTab(self.card, _("Model card"))
        layout.addWidget(tabs)
        self.removeButton = qt.QPushButton(_("Remove from the list"))
        self.removeButton.toolTip = _("Removes the folder that you added, with all its models. Nothing is deleted.")
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
        self.card.setMarkdown(model.card() or _("This model has no model card."))
        self.dialog.show()
        self.dialog.activateWindow()

    def _remove(self) -> None:
        self.dialog.hide()
        self._onRemove(self._model)

    def cleanup(self) -> None:
        self.dialog.hide()
        self.dialog.deleteLater()


def overviewOf(model: ModelDescription) -> str:
    """HTML."""
    descriptor = model.descriptor
    segments, diagnoses = ", ".join(model.segments.values()), ", ".join(model.diagnoses.values())
    parts = [
        f"<h2>{html.escape(model.title)}</h2>",
        f"<p>{html.escape(descriptor['description'])}</p>",
        "<p><b>"
        + _("Not a medical device. For research and teaching; not for clinical use without expert review.")
        + "</b></p>",
        _heading(_("Intended use")),
        f"<p>{html.escape(descriptor['intended_use'])}</p>",
        _heading(_("Limits")),
        _list(descriptor["limits"]),
        _heading(_("Input and output")),
        _list(
            [
                _("Input: {images}").format(images=inputName(model)),
                _("Segments: {names}").format(names=segments or _("none")),
                _("Diagnoses: {names}").format(names=diagnoses or _("none")),
            ]
        ),
        _heading(_("Measured results")),
        _results(descriptor["results"]) or "<p><i>" + _("not stated") + "</i></p>",
        _heading(_("Training data")),
        _list([_trainingData(data) for data in descriptor["training"]["data"]]),
        _heading(_("Licence and version")),
        _list(
            [
                _("Licence of the weights: {licence}").format(licence=descriptor["licence"]),
                _("Version {version}, id {id}").format(version=descriptor["version"], id=model.id),
                _("Folder: {folder}").format(folder=model.folder),
            ]
        ),
    ]
    return "".join(parts)


def _heading(text: str) -> str:
    return f"<h3>{text}</h3>"


def _list(rows: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(row)}</li>" for row in rows) + "</ul>"


def _results(results: list[dict]) -> str:
    """A table with a column for each split; empty without results."""
    if not results:
        return ""
    head = "".join(
        f"<th align='right'>&nbsp;&nbsp;{html.escape(title)}</th>"
        for title in (
            _("{split} ({cases} cases)").format(split=result["split"], cases=result["cases"]) for result in results
        )
    )
    rows = [f"<tr><th></th>{head}</tr>"]
    for name in dict.fromkeys(name for result in results for name in result["metrics"]):
        values = [result["metrics"].get(name) for result in results]
        cells = "".join(f"<td align='right'>{'–' if value is None else f'{value:.3f}'}</td>" for value in values)
        rows.append(f"<tr><td>{html.escape(name.replace('_', ' '))}</td>{cells}</tr>")
    return "<table cellspacing='0' cellpadding='2'>" + "".join(rows) + "</table>"


def _trainingData(data: dict) -> str:
    return _("{name}: {cases} cases, licence {licence}. {citation}").format(
        name=data["name"], cases=data["cases"], licence=data["licence"], citation=data["citation"]
    )
