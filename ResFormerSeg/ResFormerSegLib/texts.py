"""How numbers and names are written for the user, the same in every part of the panel."""

from __future__ import annotations

import html
import re

from slicer.i18n import tr as _

SPACE = "\N{NO-BREAK SPACE}"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|(?:mm|cm|ml|g|s|pixels|voxels)\b)")


def withUnbrokenUnits(text: str) -> str:
    """A sentence in which no line ends between a number and its unit."""
    return _BEFORE_UNIT.sub(SPACE, text)


def percentText(probability: float) -> str:
    """probability: 0 to 1. Never "0 %" or "100 %" for a value that is merely close: the network is never certain."""
    if 0 < probability < 0.01:
        text = _("< 1 %")
    elif 0.99 < probability < 1:
        text = _("> 99 %")
    else:
        text = _("{percent} %").format(percent=f"{100 * probability:.0f}")
    return text.replace(" ", SPACE)


def wholeText(value: float) -> str:
    """Rounded to a whole number, the digits in groups of three."""
    return f"{value:,.0f}".replace(",", SPACE)


def millilitresText(cubicMillimetres: float) -> str:
    """A volume in ml, with three significant digits."""
    value = cubicMillimetres / 1000
    if 0 < value < 0.001:
        text = _("< 0.001 ml")
    else:
        text = _("{volume} ml").format(volume=wholeText(value) if value >= 99.5 else f"{value:.3g}")
    return text.replace(" ", SPACE)


def pixelsText(count: int) -> str:
    return _("{count} pixels").format(count=wholeText(count)).replace(" ", SPACE)


def namesOfClasses(report: dict, known: dict[str, str] | None = None) -> dict[str, str]:
    """Names of the classes of a diagnosis by id, in the order of the report, which names the most probable one only.

    known: names from the model's description. A class without a name is shown by its id, made readable.
    """
    diagnosis = report.get("diagnosis") or {}
    names = {identifier: readable(identifier) for identifier in diagnosis.get("probabilities", {})}
    if diagnosis.get("name"):
        names[diagnosis["label"]] = diagnosis["name"]
    return {identifier: (known or {}).get(identifier, name) for identifier, name in names.items()}


def readable(identifier: str) -> str:
    return identifier.replace("_", " ").replace("-", " ").capitalize()


def toolTipOf(text: str) -> str:
    """Plain text for a tool tip. Tool tips have no text format; Qt takes what stands in angle brackets for HTML."""
    if "<" not in text:
        return text
    return "<qt>" + html.escape(text, quote=False).replace("\n", "<br>") + "</qt>"
