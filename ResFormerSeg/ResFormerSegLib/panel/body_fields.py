"""Two fields beside the cardiac function: height and weight of its patient. The indexed values follow at once."""

from __future__ import annotations

import html
from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.panel.diagnosis_texts import WARNING_SIGN
from ResFormerSegLib.panel.patient_body import errorOf
from ResFormerSegLib.panel.widgets import makeLabel, makeRow
from ResFormerSegLib.texts import SPACE

FIELD_WIDTH = 48  # four digits; both fields fit into the narrowest panel


class BodyFields:
    """Both may stay empty. Comma and point are both decimal.

    onChanged: called with height in cm and weight in kg whenever the user changed them, None for one that is empty or
    cannot be: then nothing is indexed, rather than with an earlier value.
    """

    def __init__(self, layout, name: str, onChanged: Callable[[float | None, float | None], None]) -> None:
        self._onChanged = onChanged
        self._given: tuple[float | None, float | None] = (None, None)
        self._isShown = False
        self.height = _field(f"{name}Height", _("Height of the patient in cm"))
        self.weight = _field(f"{name}Weight", _("Weight of the patient in kg"))
        self.surface = makeLabel(f"{name}Surface")
        self.surface.toolTip = _("By the formula of Mosteller")
        self.row = makeRow(qt.QLabel(_("Height (cm)")), self.height, qt.QLabel(_("Weight (kg)")), self.weight)
        self.row.layout().addStretch(1)
        self.problem = makeLabel(f"{name}BodyProblem", qt.Qt.RichText)
        for widget in (self.row, self.surface, self.problem):
            layout.addWidget(widget)
        for field in (self.height, self.weight):
            field.connect("textEdited(QString)", self._onTyped)
            field.connect("editingFinished()", self._onFinished)
        self.hide()

    def show(self, heart: dict) -> None:
        """heart: entries with `cardiac_function`, perhaps with `body`; what the user is typing stays."""
        body = heart.get("body") or {}
        given = (body.get("height_cm"), body.get("weight_kg"))
        if given != self._given or not self._isShown:
            self._given = given
            for field, value in zip((self.height, self.weight), given, strict=True):
                field.text = "" if value is None else f"{value:g}"
            self.problem.visible = False
        self._showSurface(body.get("surface_m2"))
        self.row.visible = self._isShown = True

    def hide(self) -> None:
        """The next patient's fields are empty."""
        self._given = (None, None)
        self.height.text = self.weight.text = ""
        self.row.visible = self.surface.visible = self.problem.visible = self._isShown = False

    def cleanup(self) -> None:
        for field in (self.height, self.weight):
            field.disconnect("textEdited(QString)", self._onTyped)
            field.disconnect("editingFinished()", self._onFinished)

    def _onTyped(self, text: str = "") -> None:
        """A value that is not complete yet is no error."""
        self.problem.visible = False
        self._give()

    def _onFinished(self) -> None:
        problem = self._give()
        self.problem.visible = bool(problem)
        self.problem.text = f"{WARNING_SIGN} {html.escape(problem)}"

    def _give(self) -> str:
        """Passes on what can be; returns what is wrong with the rest."""
        values = [_valueOf(field.text) for field in (self.height, self.weight)]
        alone = [errorOf(values[0], None), errorOf(None, values[1])]
        problem = " ".join(filter(None, alone)) or errorOf(*values)
        given = (None, None) if not any(alone) and problem else _without(values, alone)
        if given != self._given:
            self._given = given
            self._onChanged(*given)
        return problem

    def _showSurface(self, surface: float | None) -> None:
        text = _("Body surface area: {value} m²").format(value=f"{surface:.2f}") if surface is not None else ""
        self.surface.text = text.replace(" m²", f"{SPACE}m²")
        self.surface.visible = bool(text)


def _field(name: str, toolTip: str):
    field = qt.QLineEdit()
    field.objectName = name
    field.toolTip = toolTip
    field.setFixedWidth(FIELD_WIDTH)
    return field


def _valueOf(text: str) -> float | str | None:
    """The text itself if it is no number."""
    text = text.strip()
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        return text


def _without(values: list, problems: list[str]) -> tuple:
    return tuple(None if problem else value for value, problem in zip(values, problems, strict=True))
