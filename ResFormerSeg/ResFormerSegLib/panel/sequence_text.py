"""The result of a sequence in words: what the frames show, or the function of a heart over its cycle."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from ResFormerSegLib.panel.cardiac_function import cardiacFunctionText
from ResFormerSegLib.panel.diagnosis_texts import unreliableText
from ResFormerSegLib.runs.sequence_results import failedFrames
from ResFormerSegLib.texts import percentText, readable


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
    failed, count = len(failedFrames(report)), len(report["frames"])
    if failed:
        text = _("<b>{done} of {count} frames</b>").format(done=count - failed, count=count)
    else:
        text = _("<b>{count} frames</b>").format(count=count)
    return f"{text}: {', '.join(counts)}." if counts else f"{text}."


def failuresText(report: dict) -> str:
    """Which frames of a sequence failed and why, in plain text; empty when none did."""
    reasons: dict[str, list[str]] = {}
    for row in failedFrames(report):
        reasons.setdefault(row["message"], []).append(str(row["index"]))
    parts = [
        _("Frame {numbers}: {reason}").format(numbers=", ".join(numbers), reason=reason)
        for reason, numbers in reasons.items()
    ]
    return _("{frames} The other frames are complete.").format(frames=" ".join(parts)) if parts else ""


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
    lines.append(cardiacFunctionText(heart, names))
    return "<br>".join(lines)
