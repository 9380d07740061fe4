"""A live answer: what the engine says of one frame, and how it is put in one line."""

from __future__ import annotations

from dataclasses import dataclass

from slicer.i18n import tr as _

from resformer_unet.inference.reliability import reasons_of
from ResFormerSegLib.texts import namesOfClasses, percentText

SEPARATOR = " \N{MIDDLE DOT} "
AGE_SHOWN = 0.25  # seconds behind the screen from which the line says so


@dataclass(frozen=True)
class LiveAnswer:
    """report: of the frame's slice, as of a prediction. probabilities: of every class by id, calibrated, smoothed over
    time if that is on; they sum to 1, and there are none for a model without diagnosis. isCurrent: whether the frame is
    still on the screen. ageSeconds: since it came onto the screen. secondsOfEngine: that the engine worked on it.
    """

    report: dict
    probabilities: dict[str, float]
    isCurrent: bool
    ageSeconds: float
    secondsOfEngine: float = 0.0

    @property
    def diagnosis(self) -> str | None:
        """Id of the most probable class; None for a model without diagnosis."""
        return max(self.probabilities, key=self.probabilities.get) if self.probabilities else None

    @property
    def probability(self) -> float | None:
        return self.probabilities[self.diagnosis] if self.probabilities else None

    @property
    def reliable(self) -> bool:
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        """Codes of the warnings because of which the answer is not reliable, the gravest first."""
        return reasons_of(self.report)

    @property
    def alerts(self) -> list[dict]:
        """Classes that are not excluded although another is more probable; rows with `text`, see the report."""
        return list((self.report.get("diagnosis") or {}).get("alerts", []))

    def line(self, names: dict[str, str] | None = None) -> str:
        """names: of the classes, from the model's description."""
        parts = []
        if self.reasons:
            parts.append(_("Not reliable: {reason}").format(reason=_reasonText(self.reasons[0])))
        if self.probabilities:
            name = namesOfClasses(self.report, names).get(self.diagnosis, self.diagnosis)
            parts.append(_("{name} {percent}").format(name=name, percent=percentText(self.probability)))
        elif self.report["segments"] and not self.reasons:
            parts.append(_("Segmented"))
        if not self.reasons:
            parts += [str(row["text"]) for row in self.alerts[:1] if row.get("text")]
        return SEPARATOR.join(parts)


def ageText(seconds: float) -> str:
    """Empty while the answer does not lag."""
    if seconds < AGE_SHOWN:
        return ""
    return _("{seconds} s behind").format(seconds=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")


def _reasonText(code: str) -> str:
    return {
        "OUT_OF_DISTRIBUTION": _("unlike the training images"),
        "DIMENSION_MISMATCH": _("not the kind of image of this model"),
        "UNUSUAL_INTENSITIES": _("unusual intensities"),
        "NOTHING_SEGMENTED": _("nothing segmented"),
        "DIAGNOSIS_MISMATCH": _("segmentation and diagnosis disagree"),
    }.get(code, code)
