"""A result as plain text, for a letter or a note: the user copies it to the clipboard."""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.scene.shown_frame import withFrame
from ResFormerSegLib.texts import millilitresText, namesOfClasses, percentText, wholeText


def resultText(
    result, volumeNode, classNames: dict[str, str] | None = None, editedRows: list[dict] | None = None
) -> str:
    """result: a ProcessingResult, new or restored. volumeNode: None if it was deleted. classNames: of all classes.

    editedRows: as of `measureSegments`, of a segmentation that was edited since the run. A result that is not reliable
    says so first, and why; what must not be missed comes before the diagnosis.
    """
    report, patient = result.report, getattr(result, "patient", None)
    name = report.get("case", "?")
    if volumeNode is not None:
        name = withFrame(volumeNode.GetName(), volumeNode, getattr(result, "frame", None))
    lines = [_("ResFormerSeg: {image}").format(image=" + ".join(patient["cases"]) if patient else name)]
    reasons = list(getattr(result, "reasons", ()))  # codes of warnings
    warnings = [*(patient or {}).get("warnings", ()), *result.warnings]
    if reasons:
        lines.append(_("Do not rely on this result:"))
        lines += [warning["message"] for warning in warnings if warning["code"] in reasons]
    diagnosis = patient["diagnosis"] if patient else report.get("diagnosis")
    lines += [alert["text"] for alert in (diagnosis or {}).get("alerts", [])]
    lines += _diagnosisLines(diagnosis, classNames)
    if editedRows is not None:
        lines.append(_("The segmentation was edited by hand after the run. Sizes of the edited segments:"))
    lines += _segmentLines(report["segments"] if editedRows is None else editedRows)
    others = [warning for warning in warnings if warning["code"] not in reasons]
    lines += [_("Warning: {text}").format(text=warning["message"]) for warning in others]
    model = report["model"]
    lines.append(_("Model {id}, version {version}.").format(id=model["id"], version=model["version"]))
    return "\n".join([*lines, _("Not a medical device. Not for clinical use without expert review.")])


def _diagnosisLines(diagnosis: dict | None, classNames: dict[str, str] | None) -> list[str]:
    if not diagnosis:
        return []
    names = namesOfClasses({"diagnosis": diagnosis}, classNames)
    ranked = sorted(diagnosis["probabilities"].items(), key=lambda item: -item[1])
    shares = [f"{names.get(label, label)} {percentText(share)}" for label, share in ranked]
    label = diagnosis["label"]
    return [
        _("Most probable diagnosis: {name}").format(name=names.get(label, label)),
        _("Probabilities: {list}").format(list=", ".join(shares)),
    ]


def _segmentLines(segments: list[dict]) -> list[str]:
    if not segments:
        return []
    found = [segment for segment in segments if segment["voxels"]]
    if not found:
        return [_("Nothing was segmented.")]
    lines = []
    for segment in found:
        if segment.get("volume_mm3") is None:
            size = _("{count} pixels").format(count=wholeText(segment["voxels"]))
        else:
            size = millilitresText(segment["volume_mm3"])
        if segment.get("longest_diameter_mm"):
            size = _("{size}, longest in-plane diameter {length} mm").format(
                size=size, length=f"{segment['longest_diameter_mm']:.1f}"
            )
        lines.append(f"{segment['name']}: {size}")
    return lines
