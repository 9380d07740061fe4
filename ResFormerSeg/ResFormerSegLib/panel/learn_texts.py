"""A comparison of two models in words."""

from __future__ import annotations

from slicer.i18n import tr as _

FEWEST_PATIENTS = 10  # of paired_bootstrap.py, which a test compares


def figureName(figure: str) -> str:
    names = {
        "dice": _("Dice"),
        "macro_auc": _("AUC"),
        "balanced_accuracy": _("Balanced accuracy"),
        "accuracy": _("Accuracy"),
        "brier": _("Brier score (lower is better)"),
        "ece": _("Calibration error (lower is better)"),
    }
    return names.get(figure, figure)


def verdictText(comparison: dict) -> str:
    """One or two sentences: better, worse, or not to be told."""
    patients = comparison["patients"]
    held = _("1 held-out patient") if patients == 1 else _("{count} held-out patients").format(count=patients)
    better, worse = (_tasks(comparison, word) for word in ("better", "worse"))
    if better and worse:
        return _("The new model is better at {better} and worse at {worse}, on {patients}.").format(
            better=better, worse=worse, patients=held
        )
    if better:
        return _("The new model is better at {what}, on {patients}.").format(what=better, patients=held)
    if worse:
        return _("The new model is worse at {what}, on {patients}.").format(what=worse, patients=held)
    if patients < FEWEST_PATIENTS:
        return _(
            "Which model is better cannot be told with so few cases: {patients}; at least {least} are needed. Collect "
            "more of them."
        ).format(patients=held, least=FEWEST_PATIENTS)
    measured = max((row["groups"] for row in comparison["figures"]), default=0)
    if measured < FEWEST_PATIENTS:
        return _(
            "Which model is better cannot be told on {patients}: masks or diagnoses measure it on {count} of them; at "
            "least {least} are needed."
        ).format(patients=held, count=measured, least=FEWEST_PATIENTS)
    return _(
        "No difference between the models was shown on {patients}: what was measured may be due to chance."
    ).format(patients=held)


def _tasks(comparison: dict, verdict: str) -> str:
    names = {"dice": _("the segmentation"), "macro_auc": _("the diagnosis"), "brier": _("the probabilities")}
    found = [row["figure"] for row in comparison["figures"] if row["verdict"] == verdict]
    return _(", ").join(names[figure] for figure in found if figure in names)
