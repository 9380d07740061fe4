"""How figures are written, the same everywhere in the panel."""

from __future__ import annotations

from slicer.i18n import tr as _

SPACE = "\N{NO-BREAK SPACE}"


def percentText(probability: float) -> str:
    """Never "0 %" or "100 %" for what is merely near: the network is never certain."""
    if 0 < probability < 0.01:
        return _("< 1 %")
    if 0.99 < probability < 1:
        return _("> 99 %")
    return _("{percent} %").format(percent=f"{100 * probability:.0f}")


def wholeText(value: float) -> str:
    """Rounded, the digits in groups of three."""
    return f"{value:,.0f}".replace(",", SPACE)


def millilitresText(cubicMillimetres: float) -> str:
    """With three digits that count."""
    value = cubicMillimetres / 1000
    if 0 < value < 0.001:
        return _("< 0.001 ml")
    return _("{volume} ml").format(volume=wholeText(value) if value >= 99.5 else f"{value:.3g}")
