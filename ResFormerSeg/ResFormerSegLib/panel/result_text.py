"""A result as plain text, for a letter or a note: the user copies it to the clipboard."""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.texts import millilitresText, namesOfClasses, percentText, wholeText


def resultText(result, volumeNode, classNames: dict[str, str] | None = None) -> str:
    """result: a ProcessingResult, new or restored. volumeNode: None if it was deleted. classNames: of all classes.

    What the result should not be relied on for comes first.
    """
    report, patient = result.report, getattr(result, "patient", None)
    name = volumeNode.GetName() if volumeNode is not None else report.get("case", "?")
    lines = [_("ResFormerSeg: {image}").format(image=" + ".join(patient["cases"]) if patient else name)]
    if not getattr(result, "reliable", True):
        lines += [_("Do not rely on this result."), *(f"- {reason}" for reason in _reasons(result))]
    lines += _diagnosisLines(patient["diagnosis"] if patient else report.get("diagnosis"), classNames)
    lines += _segmentLines(report)
    lines += [_("Warning: {text}").format(text=warning["message"]) for warning in result.warnings]
    model = report["model"]
    lines.append(_("Model {id}, version {version}.").format(id=model["id"], version=model["version"]))
    return "\n".join([*lines, _("Not a medical device. Not for clinical use without expert review.")])


def _reasons(result) -> list[str]:
    """Warnings, or their texts."""
    return [row["message"] if isinstance(row, dict) else str(row) for row in getattr(result, "reasons", ())]


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


def _segmentLines(report: dict) -> list[str]:
    if not report["segments"]:
        return []
    found = [segment for segment in report["segments"] if segment["voxels"]]
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
