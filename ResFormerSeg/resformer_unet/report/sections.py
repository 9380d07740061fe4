"""What the sections of the page show, as texts."""

from __future__ import annotations

from collections.abc import Mapping

from resformer_unet.inference.reliability import reasons_of
from resformer_unet.report.case import ReportCase

NONE = "–"
_SHORTEST_TABLE = 12  # slices; more than that, and those without any segment are left out


def percent(probability: float) -> str:
    """Never 0 % or 100 % for what is merely close to it."""
    if 0 < probability < 0.001:
        return "< 0.1 %"
    if 0.999 < probability < 1:
        return "> 99.9 %"
    return f"{100 * probability:.1f} %"


def diagnosis(case: ReportCase) -> dict:
    """Headline, a row for each class with what was measured of it, and sentences."""
    given, reasons = case.report["diagnosis"], reasons_of(case.report)
    measured = _measured(case)
    figures = measured["metrics"] if measured else {}
    names = {row["id"]: row["name"] for row in (case.bundle.diagnoses if case.bundle else ())}
    names[given["label"]] = given["name"]
    columns = {"Sensitivity": "sensitivity", "Specificity": "specificity", "AUC": "auc"} if measured else {}
    rows = [
        {
            "name": names.get(label, label),
            "probability": percent(probability),
            "percent": f"{100 * probability:.1f}",
            "measured": [_figure(figures.get(f"{key}_{label}")) for key in columns.values()],
        }
        for label, probability in sorted(given["probabilities"].items(), key=lambda item: -item[1])
    ]
    computed = f"{given['name']}, probability {percent(given['probability'])}"
    headline = "None: this result is not reliable" if reasons else computed
    nevertheless = f"What the model computed nevertheless: {computed}" if reasons else ""
    return {
        "headline": headline,
        "nevertheless": nevertheless,
        "rows": rows,
        "measures": list(columns),
        "sentences": _diagnosis_sentences(case),
    }


def _diagnosis_sentences(case: ReportCase) -> list[str]:
    given, measured = case.report["diagnosis"], _measured(case)
    sentences = [f"How the case was diagnosed: {given['rule_text']}"] if given.get("rule_text") else []
    sentences.append(
        "The probabilities are calibrated on cases that were not trained on."
        if given["calibrated"]
        else "The probabilities are not calibrated: they rank the diagnoses, but do not tell how often one is right."
    )
    if not measured:
        sentences.append("How good the model is was not measured, or this version of it is not installed here.")
        return sentences
    figures = measured["metrics"]
    parts = {"accuracy": "accuracy", "balanced accuracy": "balanced_accuracy", "expected calibration error": "ece"}
    known = [f"{name} {_figure(figures[key])}" for name, key in parts.items() if figures.get(key) is not None]
    sentences.append(
        f"Sensitivity, specificity and area under the ROC curve (AUC) of the model for each class were measured on "
        f"{measured['cases']} cases of its own data set (split “{measured['split']}”)"
        + (f", where it has {', '.join(known)}." if known else ".")
        + " On other scanners and patients it may do worse."
    )
    return sentences


def segments(case: ReportCase) -> dict:
    """Column heads, rows with name, colour and cells, and sentences."""
    rows = case.report["segments"]
    in_mm = any(row["longest_diameter_mm"] is not None for row in rows)
    has_volumes = any(row["volume_mm3"] is not None for row in rows)
    is_picture = case.report["grid"] is None
    head = ["Volume"] * has_volumes + ["Longest diameter"] * in_mm + ["Pixels" if is_picture else "Voxels"]
    shown = []
    for row in rows:
        cells = [_millilitres(row["volume_mm3"])] * has_volumes + [_millimetres(row["longest_diameter_mm"])] * in_mm
        color = "#" + "".join(f"{int(value):02x}" for value in row["color"])
        shown.append({"name": row["name"], "color": color, "cells": [*cells, f"{row['voxels']:,}".replace(",", " ")]})
    sentences = []
    if in_mm:
        sentences.append("The longest diameter is the greatest within any one slice, as RECIST 1.1 measures lesions.")
    measured = _measured(case)
    scores = {row["name"]: measured["metrics"].get(f"dice_{row['id']}") for row in rows} if measured else {}
    dice = [f"{name} {_figure(score)}" for name, score in scores.items() if score is not None]
    if dice:
        sentences.append(
            f"Agreement of the model with experts (Dice), on {measured['cases']} cases of its own data set: "
            f"{', '.join(dice)}."
        )
    return {"head": head, "rows": shown, "sentences": sentences}


def slices(case: ReportCase) -> dict:
    """The table of the slices; of many, those with a segment."""
    rows, segment_rows = case.report["slices"], case.report["segments"]
    if len(rows) < 2:
        return {"head": [], "rows": [], "note": ""}
    full = [row for row in rows if any(row["voxels"].values())]
    shown = full if len(rows) > _SHORTEST_TABLE and full else rows
    names = {row["id"]: row["name"] for row in (case.bundle.diagnoses if case.bundle else ())}
    classes = list((case.report["diagnosis"] or {}).get("probabilities", {}))
    in_mm = any(row["area_mm2"] is not None for row in rows)
    unit = "mm²" if in_mm else "pixels"
    head = ["Slice", *(f"{row['name']}, {unit}" for row in segment_rows), *(names.get(name, name) for name in classes)]
    cells = []
    for row in shown:
        sizes = (row["area_mm2"] or {}) if in_mm else row["voxels"]
        areas = [f"{sizes[segment['id']]:,.0f}".replace(",", " ") if segment["id"] in sizes else NONE
                 for segment in segment_rows]  # fmt: skip
        given = row["probabilities"]
        cells.append([row["index"], *areas, *(percent(given[name]) if name in given else NONE for name in classes)])
    left_out = len(rows) - len(shown)
    note = "Area of each segment" + (" and the slice's own probability of each class." if classes else ".")
    note += " Slices are counted from 0."
    note += f" {left_out} slices in which nothing is segmented are left out." if left_out else ""
    return {"head": head, "rows": cells, "note": note}


def model(case: ReportCase) -> list[tuple[str, str]]:
    """Facts of the model card."""
    named = case.report["model"]
    rows = [("Model", f"{named['id']}, version {named['version']}"), ("SHA-256 of the weights", named["sha256"])]
    if case.bundle is None:
        return [*rows, ("Description", "This version of the model is not installed where the report was made.")]
    described = case.bundle.descriptor
    data = "; ".join(f"{row['name']} ({row['cases']} cases, {row['licence']})" for row in described["training"]["data"])
    return [
        ("Title", case.bundle.title),
        *rows,
        ("Description", described["description"]),
        ("Intended use", described["intended_use"]),
        ("Trained on", data),
        ("Licence", described["licence"]),
    ]


def _measured(case: ReportCase) -> Mapping | None:
    """The results of the model card: of the test split where there is one."""
    results = case.bundle.descriptor["results"] if case.bundle else []
    tested = [row for row in results if row["split"] == "test"]
    return (tested or list(results) or [None])[-1]


def _figure(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _millilitres(cubic_millimetres: float | None) -> str:
    if cubic_millimetres is None:
        return NONE
    value = cubic_millimetres / 1000
    if 0 < value < 0.001:
        return "< 0.001 ml"
    return f"{value:.3g} ml" if value < 99.5 else f"{value:,.0f} ml".replace(",", " ")


def _millimetres(length: float | None) -> str:
    return NONE if length is None else f"{length:.1f} mm"
