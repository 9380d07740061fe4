"""What the sections of a report card show, as rows of text and pictures for its template."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.evaluation.evaluation_units import diagnosed_together
from resformer_unet.evaluation.metrics import mean
from resformer_unet.evaluation.report_card import plots, stress_plots
from resformer_unet.evaluation.report_card.example_cases import Example
from resformer_unet.evaluation.report_card.figures_table import (
    alert_rows,
    class_rows,
    diagnosis_rows,
    number,
    segmentation_rows,
    stress_rows,
    values_by_segment,
)
from resformer_unet.model.bundle import ModelBundle

KINDS = {"best": "Best", "median": "Median", "worst": "Worst", "false positive": "False positives"}


def segmentation(report: Mapping, bundle: ModelBundle) -> dict:
    """``rows`` of the table and ``plots``."""
    pictures = []
    for key, title in (("dice", "Dice"), ("jaccard", "Jaccard")):
        values = values_by_segment(report["per_case"], key, bundle)
        if any(values.values()):
            pictures.append(_plot(plots.overlap_distribution(title, values), f"Histogram of the cases' {title}"))
    return {"rows": list(segmentation_rows(report, bundle)), "plots": pictures}


def diagnosis(report: Mapping, bundle: ModelBundle) -> dict:
    """``rows``, ``class_rows``, ``alert_rows``, ``names`` of the classes, ``roc`` (or ``None``), ``reliability`` plots.

    Empty where no case has a label of the model.
    """
    if not report["calibration"]:
        return {"rows": []}
    names = [entry["name"] for entry in bundle.diagnoses]
    probabilities, labels = _scored_diagnoses(report, bundle)
    areas = [report["diagnosis"]["auc"][entry["id"]] for entry in bundle.diagnoses]
    roc = None
    if any(area is not None for area in areas):
        svg = plots.roc_curves(probabilities, labels, names, areas)
        roc = _plot(svg, "Sensitivity against 1 − specificity of each diagnosis")
    calibrated = report["calibration"]["bins_before"] is not None
    diagrams = []
    for key, title in (
        ("before", "Before calibration"),
        ("after", "After calibration" if calibrated else "Reliability"),
    ):
        bins, error = report["calibration"][f"bins_{key}"], report["calibration"][f"ece_{key}"]
        if bins:
            diagrams.append(_plot(plots.reliability_diagram(bins, error, title), f"Reliability diagram: {title}"))
    return {
        "rows": list(diagnosis_rows(report)),
        "class_rows": list(class_rows(report, bundle)),
        "alert_rows": list(alert_rows(report, bundle)),
        "names": names,
        "roc": roc,
        "reliability": diagrams,
    }


def stress(found: Mapping) -> dict:
    """``rows`` of the table (three numbers a cell, by strength) and ``plots``."""
    pictures = [_plot(stress_plots.results_under_shifts(found), "Dice and macro AUC under each shift")]
    if any(found["risk_coverage"].values()):
        pictures.append(_plot(stress_plots.risk_coverage_curves(found["risk_coverage"]), "Risk-coverage curves"))
    return {"rows": list(stress_rows(found)), "plots": pictures}


def examples(drawn: Sequence[Example], bundle: ModelBundle) -> list[tuple[str, list[dict]]]:
    """(title, pictures with their captions) of each kind of example that there is."""
    by_kind = [
        (title, [_example(example, bundle) for example in drawn if example.kind == kind])
        for kind, title in KINDS.items()
    ]
    return [(title, shown) for title, shown in by_kind if shown]


def groups(report: Mapping, bundle: ModelBundle) -> dict:
    """``means`` by segment, ``plots``, and ``head`` and ``rows`` of the table of groups."""
    rows, names = report["per_group"], {entry["id"]: entry["name"] for entry in bundle.diagnoses}
    together = diagnosed_together(report["per_case"])
    head = ["patient or group", "cases", *(f"Dice, {segment['name']}" for segment in bundle.segments)]
    head += ["true", "diagnosis"] if together else []
    lines = []
    for row in rows:
        cells = [row["group"], str(len(row["cases"]))]
        cells += [number((row["dice"] or {}).get(segment["id"])) for segment in bundle.segments]
        if together:
            joint = row["diagnosis"]
            cells += [names[joint["truth"]], names[joint["label"]]] if joint else ["–", "–"]
        lines.append(cells)
    values = values_by_segment(rows, "dice", bundle)
    return {
        "means": [f"{name} {number(mean(numbers))}" for name, numbers in values.items()],
        "plots": [_plot(plots.group_distribution(values), "Mean Dice by group")] if any(values.values()) else [],
        "head": head,
        "rows": lines,
    }


def cases(report: Mapping) -> dict:
    """``head`` and ``rows`` of the table of all cases."""
    segments = list(dict.fromkeys(name for row in report["per_case"] for name in row["dice"] or {}))
    head = ["case", "group", *(f"Dice, {name}" for name in segments), *(f"Jaccard, {name}" for name in segments)]
    head += ["false positive", "label", "diagnosis", "probability"]
    lines = []
    for row in report["per_case"]:
        figures = [number((row[key] or {}).get(name)) for key in ("dice", "jaccard") for name in segments]
        false_positive = {None: "–", True: "yes", False: "no"}[row["false_positive"]]
        predicted = row["diagnosis"]
        cells = (
            [predicted["label"], number(predicted["probabilities"][predicted["label"]])] if predicted else ["–", "–"]
        )
        lines.append([row["case"], row["group"], *figures, false_positive, row["label"] or "–", *cells])
    return {"head": head, "rows": lines}


def _scored_diagnoses(report: Mapping, bundle: ModelBundle) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (units, classes) and true classes of the evaluation units."""
    classes = [entry["id"] for entry in bundle.diagnoses]
    joint = [row["diagnosis"] for row in report["per_group"] if row["diagnosis"]]
    in_groups = {row["group"] for row in report["per_group"] if row["diagnosis"]}
    single = [
        {"truth": row["label"], "probabilities": row["diagnosis"]["probabilities"]}
        for row in report["per_case"]
        if row["label"] in classes and row["diagnosis"] and row["group"] not in in_groups
    ]
    units = joint + single
    probabilities = np.array([[unit["probabilities"][name] for name in classes] for unit in units])
    return probabilities, np.array([classes.index(unit["truth"]) for unit in units])


def _example(example: Example, bundle: ModelBundle) -> dict:
    row, names = example.row, {entry["id"]: entry["name"] for entry in [*bundle.segments, *bundle.diagnoses]}
    group = "" if row["group"] == row["case"] else f" (group {row['group']})"
    caption = [f"{row['case']}{group}"]
    if row["dice"]:
        caption.append("Dice " + ", ".join(f"{names[key]} {value:.3f}" for key, value in row["dice"].items()))
    if row["diagnosis"]:
        label = row["diagnosis"]["label"]
        truth = f"; true: {names.get(row['label'], row['label'])}" if row["label"] else ""
        caption.append(f"{names[label]}, probability {row['diagnosis']['probabilities'][label]:.3f}{truth}")
    picture = _embedded("image/jpeg", example.picture, f"Contours of {row['case']}")
    return {"picture": picture, "caption": caption}


def _plot(svg: str, description: str) -> dict[str, str]:
    return _embedded("image/svg+xml", svg.encode("utf-8"), description)


def _embedded(kind: str, content: bytes, description: str) -> dict[str, str]:
    return {"data": f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}", "description": description}
