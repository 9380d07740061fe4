"""The sentences of the diagnosis card, made of the engine's report and the patient's diagnosis."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from ResFormerSegLib.texts import millilitresText, wholeText

# Visible on a light and on a dark background.
WARNING_COLOR = "#d98a00"
WARNING_SIGN = f"<font color='{WARNING_COLOR}'><b>▲</b></font>"


def subjectText(case: str, patient: dict | None) -> str:
    """Which image or patient the diagnosis is of."""
    if patient is None:
        return _("of “{volume}”").format(volume=case)
    return _("of the patient in “{first}” and “{second}”").format(first=patient["cases"][0], second=patient["cases"][1])


def calibrationText(isCalibrated: bool) -> str:
    """What the probabilities mean, for a tool tip."""
    if not isCalibrated:
        return _("Not calibrated: the probabilities rank the classes but do not tell how often a diagnosis is correct.")
    return _(
        "Slice probabilities are calibrated on cases not used for training: of slices with a probability of 80 %, "
        "about 80 % were classified correctly. This holds only for images similar to the training images. The "
        "probability of a case of several slices is computed from them by the rule below and is not calibrated itself."
    )


def segmentedText(report: dict, ofSeveral: bool) -> str:
    """Rich text: the segments and their sizes. ofSeveral: whether to name the volume, as there is more than one."""
    if not report["segments"]:
        return _("This model does not segment.")
    found = [segment for segment in report["segments"] if segment["voxels"]]
    if not found:
        return "<b>" + _("Nothing was segmented.") + "</b>"
    sizes = []
    for segment in found:
        if segment.get("volume_mm3") is None:
            size = _("{count} pixels").format(count=wholeText(segment["voxels"]))
        else:
            size = millilitresText(segment["volume_mm3"])
        sizes.append(_("{name} ({size})").format(name=html.escape(segment["name"]), size=size))
    if ofSeveral:
        return _("Segmented in “{case}”: {list}").format(case=html.escape(report["case"]), list=", ".join(sizes))
    return _("Segmented: {list}").format(list=", ".join(sizes))


def warningsOf(result, needsBothPhases: bool) -> list[dict]:
    """The warnings to show with a ProcessingResult, rows with code and message.

    needsBothPhases: whether the model diagnoses patients from both cardiac phases.
    """
    if result.patient:  # the confidence in a single phase no longer matters
        ofImages = [warning for warning in result.warnings if warning["code"] != "LOW_CONFIDENCE"]
        return result.patient.get("warnings", []) + ofImages
    if not needsBothPhases:
        return result.warnings
    message = _(
        "This diagnosis is based on one cardiac phase only. For the diagnosis of the patient, select the other phase "
        "under Inputs and press Apply again."
    )
    return [{"code": "ONE_PHASE_ONLY", "message": message}, *result.warnings]


def ruleText(report: dict, patient: dict | None) -> str:
    """How the diagnosis was made from slices or cardiac phases."""
    if patient:
        return _("From both cardiac phases. {rule}").format(rule=patient["diagnosis"].get("rule_text", ""))
    count = len(report["slices"])
    rule = (report.get("diagnosis") or {}).get("rule_text", "")
    if count == 1:
        return _("From one slice. {rule}").format(rule=rule)
    return _("From {count} slices. {rule}").format(count=count, rule=rule)


def technicalText(report: dict) -> str:
    """Model, weights, device and time."""
    model = report["model"]
    seconds = (report.get("timing_s") or {}).get("total")
    parts = [
        _("Model {id}, version {version}").format(id=model["id"], version=model["version"]),
        _("weights SHA-256 {start}…").format(start=model.get("sha256", "")[:12]),
        _("on {device}").format(device=report.get("device", "?")),
    ]
    if seconds is not None:
        parts.append(_("in {seconds} s").format(seconds=f"{seconds:.1f}"))
    return ", ".join(parts) + "."
