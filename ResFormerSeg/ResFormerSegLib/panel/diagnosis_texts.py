"""The sentences of the diagnosis card, made of the engine's report and the patient's diagnosis."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from ResFormerSegLib.texts import millilitresText, pixelsText

# Visible on a light and on a dark background.
WARNING_COLOR = "#d98a00"
WARNING_SIGN = f"<font color='{WARNING_COLOR}'><b>▲</b></font>"


def subjectText(names: list[str]) -> str:
    """Whose result it is. names: of the volume, or of a patient's volumes with end-diastole first."""
    if len(names) == 1:
        return _("Result of “{volume}”").format(volume=names[0])
    return _("Result of the patient in “{first}” and “{second}”").format(first=names[0], second=names[1])


def otherVolumeText(names: list[str], chosen: str) -> str:
    """Says that the result is not that of the chosen volume. names: as of `subjectText`."""
    if len(names) == 1:
        text = _("This is the result of “{result}”, not of “{chosen}”. Press Apply to analyse “{chosen}”.")
        return text.format(result=names[0], chosen=chosen)
    text = _("This is the result of “{first}” and “{second}”, not of “{chosen}”. Press Apply to analyse “{chosen}”.")
    return text.format(first=names[0], second=names[1], chosen=chosen)


def unreliableText(reason: str) -> str:
    """The headline of a result that is not reliable. reason: the first of its `reasons`."""
    texts = {
        "OUT_OF_DISTRIBUTION": _("Not the kind of image this model knows"),
        "DIMENSION_MISMATCH": _("Not the kind of image this model knows"),
        "UNUSUAL_INTENSITIES": _("The brightness of this image does not fit the model"),
        "PATIENTS_DIFFER": _("The two images are of different patients"),
        "SAME_PHASE": _("Both images seem to show the same cardiac phase"),
        "PHASES_MISMATCH": _("The two images may not belong together"),
        "CURVE_NOT_ONE_BEAT": _("The frames do not show one heart beat"),
        "NOTHING_SEGMENTED": _("Nothing was segmented: no diagnosis to rely on"),
        "DIAGNOSIS_MISMATCH": _("Segmentation and diagnosis disagree"),
    }
    return texts.get(reason, _("This result should not be relied on"))


def diagnosisText(diagnosis: dict, names: dict[str, str], isUncertain: bool) -> str:
    """The headline of a reliable diagnosis. names: of the classes by id."""
    ranked = sorted(diagnosis["probabilities"], key=lambda label: -diagnosis["probabilities"][label])
    if not isUncertain or len(ranked) < 2:
        return names[diagnosis["label"]]
    return _("Uncertain: {first} or {second}").format(first=names[ranked[0]], second=names[ranked[1]])


def calibrationText(isCalibrated: bool) -> str:
    """What the probabilities mean, for a tool tip."""
    if not isCalibrated:
        return _("Not calibrated: the probabilities rank the classes but do not tell how often a diagnosis is correct.")
    return _(
        "Calibrated on cases not used for training: of those with a probability of 80 %, about 80 % were classified "
        "correctly. This holds only for images similar to the training images. How the probability of a case is "
        "computed from those of its slices is stated under “Model and run”."
    )


def segmentedText(rows: list[dict], case: str = "") -> str:
    """Rich text: the segments and their sizes.

    rows: of the report, or as measured since. case: the volume, if it is to be named because there is more than one.
    """
    if not rows:
        return _("This model does not segment.")
    found = [segment for segment in rows if segment["voxels"]]
    if not found:
        return "<b>" + _("Nothing was segmented.") + "</b>"
    sizes = []
    for segment in found:
        isPicture = segment.get("volume_mm3") is None
        size = pixelsText(segment["voxels"]) if isPicture else millilitresText(segment["volume_mm3"])
        sizes.append(_("{name} ({size})").format(name=html.escape(segment["name"]), size=size))
    if case:
        return _("Segmented in “{case}”: {list}").format(case=html.escape(case), list=", ".join(sizes))
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
    """How the diagnosis was made from slices or cardiac phases; empty where there is nothing to explain."""
    if patient:
        return _("From both cardiac phases. {rule}").format(rule=patient["diagnosis"].get("rule_text", ""))
    count = len(report["slices"])
    if count == 1 or not report.get("diagnosis"):
        return ""
    return _("From {count} slices. {rule}").format(count=count, rule=report["diagnosis"].get("rule_text", ""))


def technicalText(report: dict, patient: dict | None = None) -> str:
    """Rule, model, weights, device and time."""
    model = report["model"]
    seconds = (report.get("timing_s") or {}).get("total")
    parts = [
        _("Model {id}, version {version}").format(id=model["id"], version=model["version"]),
        _("weights SHA-256 {start}…").format(start=model.get("sha256", "")[:12]),
        _("on {device}").format(device=report.get("device", "?")),
    ]
    if seconds is not None:
        parts.append(_("in {seconds} s").format(seconds=f"{seconds:.1f}"))
    rule = ruleText(report, patient)
    return (f"{rule}\n" if rule else "") + ", ".join(parts) + "."
