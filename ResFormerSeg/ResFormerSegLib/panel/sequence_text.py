"""The result of a sequence in words: what the frames show, or the function of a heart over its cycle."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from ResFormerSegLib.panel.cardiac_function import cardiacFunctionText
from ResFormerSegLib.panel.diagnosis_texts import unreliableText
from ResFormerSegLib.texts import percentText, readable, withUnbrokenUnits


def sequenceText(result, classNames: dict[str, str]) -> str:
    """Rich text. result: a SequenceResult."""
    heart = result.heart
    lines = [_heartLines(heart) if heart else _framesLine(result.report, classNames)]
    if not result.reliable:
        text = _("<b>{reason}</b>: not reliable.")
        lines.insert(0, text.format(reason=html.escape(unreliableText(result.reasons[0]))))
    warnings = [*result.warnings, *(heart["warnings"] if heart else [])]
    lines += [f"⚠ {html.escape(row['message'])}" for row in warnings]
    return "<br>".join(lines)


def _framesLine(report: dict, classNames: dict[str, str]) -> str:
    counts = [
        _("{name} in {count}").format(name=html.escape(classNames.get(label, readable(label))), count=count)
        for label, count in report["diagnosis_counts"].items()
    ]
    text = _("<b>{count} frames</b>").format(count=len(report["frames"]))
    return f"{text}: {', '.join(counts)}." if counts else f"{text}."


def _heartLines(heart: dict) -> str:
    names = [_("frame {number}").format(number=heart[phase]) for phase in ("end_diastole", "end_systole")]
    lines = []
    if diagnosis := heart["diagnosis"]:
        text = _("<b>{name}</b>, probability {percent} (not calibrated). {rule}")
        lines.append(
            text.format(
                name=html.escape(diagnosis["name"]),
                percent=percentText(diagnosis["probability"]),
                rule=html.escape(diagnosis["rule_text"]),
            )
        )
    function, indexed = heart["cardiac_function"], heart["indexed"]
    parts = [
        _("LV end-systolic volume {value} ml").format(value=f"{function['lvesv_ml']:.0f}"),
        _("LV stroke volume {value} ml").format(value=f"{function['lvsv_ml']:.0f}"),
        _("RV end-systolic volume {value} ml").format(value=f"{function['rvesv_ml']:.0f}"),
        _("RV stroke volume {value} ml").format(value=f"{function['rvsv_ml']:.0f}"),
        _("LV mass {value} g").format(value=f"{function['lv_mass_g']:.0f}"),
    ]
    if indexed:
        parts.append(_("LV mass {value} g/m²").format(value=f"{indexed['lv_mass_g_m2']:.0f}"))
    lines.append(cardiacFunctionText(heart, names))
    lines.append(withUnbrokenUnits(", ".join(parts) + "."))
    return "<br>".join(lines)
