"""The report card's page: one HTML file without scripts, and with all pictures inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np

from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.data.dataset import Case
from resformer_unet.evaluation.evaluation_units import diagnosed_together
from resformer_unet.evaluation.metrics import mean
from resformer_unet.evaluation.report_card import html, plots
from resformer_unet.evaluation.report_card.example_cases import Example, draw_examples
from resformer_unet.evaluation.report_card.figures_table import (
    class_rows,
    diagnosis_rows,
    number,
    segmentation_rows,
    values_by_segment,
)
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle

KINDS = {"best": "Best", "median": "Median", "worst": "Worst", "false alarm": "False alarms"}


def beside(evaluation: Path) -> Path:
    """Where the page of an evaluation's JSON file lies: the same name, ending in .html."""
    page = evaluation.with_suffix(".html")
    return page if page != evaluation else evaluation.with_name(evaluation.name + ".html")


def write_report_card(
    path: str | Path,
    report: Mapping,
    cases: Sequence[Case],
    predictor: Predictor,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the page of an evaluation, whole or not at all; the model is run once more on the cases it shows.

    Args:
        report: of :func:`.evaluate` or ``evaluate_cases``; cases: those that it was made of.
        progress: called with (cases drawn, cases to draw).

    Raises:
        EngineError: TRAINING_EXTRA_MISSING, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    examples = draw_examples(report["per_case"], cases, predictor, progress)
    atomic_write_text(path, report_page(report, predictor.bundle, examples))


def report_page(
    report: Mapping, bundle: ModelBundle, examples: Sequence[Example], day: date | None = None, list_cases: bool = True
) -> str:
    """The page as text; every figure in it is one of the report's.

    Args:
        list_cases: whether each case and each group has a line.
    """
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    parts = [
        _head(report, bundle, day or date.today()),
        _segmentation(report, bundle) if report["segmentation"] else "",
        _diagnosis(report, bundle) if report["diagnosis"] else "",
        _examples(examples, bundle),
        _groups(report, bundle, list_cases) if report["per_group"] else "",
        _cases(report) if list_cases else "",
        _troubles(report),
        _method(report, bundle),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(bundle.title)}: report card</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _head(report: Mapping, bundle: ModelBundle, day: date) -> str:
    data = report.get("data") or {}
    known = [
        ("Model", f"{report['model']['id']}, version {report['model']['version']}"),
        ("SHA-256 of the weights", report["model"]["sha256"]),
        ("Data set", data.get("name") or Path(data.get("folder") or "not stated").name),
        ("Split", data.get("split") or "all"),
        ("Cases", f"{report['cases']}, of {report['confidence']['groups']} patients or groups"),
        ("Evaluated", f"{day.isoformat()}, resformer-unet {__version__}"),
    ]
    title = f"<h1>{escape(bundle.title)}: report card</h1>"
    return "\n".join(
        [
            f"<header>\n{title}",
            html.paragraph(bundle.descriptor["description"]),
            html.paragraph(NOT_FOR_CLINICAL_USE, "notice"),
            f"{html.definitions(known)}\n</header>",
        ]
    )


def _segmentation(report: Mapping, bundle: ModelBundle) -> str:
    pictures = []
    for key, title in (("dice", "Dice"), ("jaccard", "Jaccard")):
        values = values_by_segment(report["per_case"], key, bundle)
        if any(values.values()):
            svg = plots.overlap_distribution(title, values)
            pictures.append(html.plot(svg, f"Histogram of the cases' {title}"))
    return html.section(
        "Segmentation",
        html.table(("", "value", "95 % interval", "measured on"), segmentation_rows(report, bundle)),
        html.side_by_side(*pictures) if pictures else html.paragraph("No case has a reference outline."),
    )


def _diagnosis(report: Mapping, bundle: ModelBundle) -> str:
    names = [entry["name"] for entry in bundle.diagnoses]
    if not report["calibration"]:
        return html.section("Diagnosis", html.paragraph("No case has a label that the model knows."))
    head = ("", "cases", "sensitivity", "95 % interval", "specificity", "95 % interval", "area under ROC",
            "95 % interval")  # fmt: skip
    probabilities, labels = _answers(report, bundle)
    areas = [report["diagnosis"]["auc"][entry["id"]] for entry in bundle.diagnoses]
    curves = ""
    if any(area is not None for area in areas):
        svg = plots.roc_curves(probabilities, labels, names, areas)
        curves = html.plot(svg, "Sensitivity against 1 − specificity of each diagnosis")
    pictures = []
    for key, title in (("before", "Before calibration"), ("after", "As the model gives it")):
        bins, error = report["calibration"][f"bins_{key}"], report["calibration"][f"ece_{key}"]
        if bins:
            pictures.append(html.plot(plots.reliability_diagram(bins, error, title), f"Reliability: {title}"))
    return html.section(
        "Diagnosis",
        html.table(("", "value", "95 % interval", "measured on"), diagnosis_rows(report)),
        html.table(head, class_rows(report, bundle)),
        html.side_by_side(
            f"<div><h3>Confusion</h3>{html.confusion(names, report['confusion']['counts'])}</div>",
            f"<div><h3>Receiver operating characteristic</h3>{curves}</div>" if curves else "",
        ),
        "<h3>Calibration</h3>",
        _calibration(report, bundle),
        html.side_by_side(*pictures),
    )


def _answers(report: Mapping, bundle: ModelBundle) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (diagnoses given, classes) and true classes, as the evaluation scored them."""
    classes = [entry["id"] for entry in bundle.diagnoses]
    joint = [row["diagnosis"] for row in report["per_group"] if row["diagnosis"]]
    in_groups = {row["group"] for row in report["per_group"] if row["diagnosis"]}
    single = [
        {"truth": row["label"], "probabilities": row["diagnosis"]["probabilities"]}
        for row in report["per_case"]
        if row["label"] in classes and row["diagnosis"] and row["group"] not in in_groups
    ]
    answers = joint + single
    probabilities = np.array([[answer["probabilities"][name] for name in classes] for answer in answers])
    return probabilities, np.array([classes.index(answer["truth"]) for answer in answers])


def _calibration(report: Mapping, bundle: ModelBundle) -> str:
    before, after = report["calibration"]["ece_before"], report["calibration"]["ece_after"]
    text = f"Expected calibration error {number(after)}"
    if before is None:
        return html.paragraph(f"{text}; the model's probabilities were not calibrated.")
    temperature = bundle.descriptor["calibration"]["temperature"]
    return html.paragraph(f"{text}; {number(before)} before calibration by the temperature {temperature:g}.")


def _examples(examples: Sequence[Example], bundle: ModelBundle) -> str:
    parts = []
    for kind, title in KINDS.items():
        shown = [example for example in examples if example.kind == kind]
        if shown:
            pictures = [_example(example, bundle) for example in shown]
            parts += [f"<h3>{title}</h3>", html.side_by_side(*pictures)]
    if not parts:
        return ""
    text = "Left the reference, right the model. Of a volume, the slice in which the reference is largest."
    return html.section("Cases", html.paragraph(text, "small"), *parts)


def _example(example: Example, bundle: ModelBundle) -> str:
    row, names = example.row, {entry["id"]: entry["name"] for entry in [*bundle.segments, *bundle.diagnoses]}
    group = "" if row["group"] == row["case"] else f" (group {row['group']})"
    caption = [f"{row['case']}{group}"]
    if row["dice"]:
        caption.append("Dice " + ", ".join(f"{names[key]} {value:.3f}" for key, value in row["dice"].items()))
    if row["diagnosis"]:
        answer = row["diagnosis"]["label"]
        truth = f"; in truth {names.get(row['label'], row['label'])}" if row["label"] else ""
        caption.append(f"{names[answer]}, probability {row['diagnosis']['probabilities'][answer]:.3f}{truth}")
    return html.photograph(example.picture, f"Outlines of {row['case']}", caption)


def _groups(report: Mapping, bundle: ModelBundle, list_groups: bool) -> str:
    rows, names = report["per_group"], {entry["id"]: entry["name"] for entry in bundle.diagnoses}
    together = diagnosed_together(report["per_case"])
    head = ["patient or group", "cases", *(f"Dice, {segment['name']}" for segment in bundle.segments)]
    head += ["truth", "diagnosis"] if together else []
    lines = []
    for row in rows:
        cells = [row["group"], str(len(row["cases"]))]
        cells += [number((row["dice"] or {}).get(segment["id"])) for segment in bundle.segments]
        if together:
            answer = row["diagnosis"]
            cells += [names[answer["truth"]], names[answer["label"]]] if answer else ["–", "–"]
        lines.append(cells)
    values = values_by_segment(rows, "dice", bundle)
    picture = html.plot(plots.group_distribution(values), "Mean Dice by group") if any(values.values()) else ""
    means = [f"{name} {number(mean(numbers))}" for name, numbers in values.items()]
    text = f"Means over the {len(rows)} patients or groups, each counting once: Dice {', '.join(means)}."
    return html.section(
        "Patients or groups",
        html.paragraph(text) if means else "",
        picture,
        html.folded("All of them", html.table(head, lines)) if list_groups else "",
    )


def _cases(report: Mapping) -> str:
    segments = list(dict.fromkeys(name for row in report["per_case"] for name in row["dice"] or {}))
    head = ["case", "group", *(f"Dice, {name}" for name in segments), *(f"Jaccard, {name}" for name in segments)]
    head += ["outlined without cause", "label", "diagnosis", "probability"]
    lines = []
    for row in report["per_case"]:
        figures = [number((row[key] or {}).get(name)) for key in ("dice", "jaccard") for name in segments]
        alarm = {None: "–", True: "yes", False: "no"}[row["false_positive"]]
        answer = row["diagnosis"]
        given = [answer["label"], number(answer["probabilities"][answer["label"]])] if answer else ["–", "–"]
        lines.append([row["case"], row["group"], *figures, alarm, row["label"] or "–", *given])
    return html.section("All cases", html.folded(f"{len(lines)} cases", html.table(head, lines)))


def _troubles(report: Mapping) -> str:
    lines = [(warning["code"], warning["message"]) for warning in report["warnings"]]
    lines += [(row["case"], row["message"]) for row in report["failed"]]
    return html.section("Warnings and failures", html.definitions(lines)) if lines else ""


def _method(report: Mapping, bundle: ModelBundle) -> str:
    confidence, patients = report["confidence"], bundle.descriptor.get("patient_diagnosis")
    rule = f": {patients['rule_text'].rstrip('.')}" if patients else ""
    texts = [
        "Dice and Jaccard are computed for each case on the image's own grid, volumes in 3D, and averaged over the "
        "cases in which the reference holds the segment. A false alarm is an outline in a case, or a slice of a "
        "volume, in which the reference holds nothing.",
        "Pictures are diagnosed one by one, the volumes of one patient together"
        f"{rule}. Sensitivity and specificity hold for "
        "the most probable diagnosis; ROC curves take each diagnosis against the rest. The expected calibration error "
        "is taken over 15 bins of equal width of the most probable diagnosis.",
        f"Intervals: {confidence['method']}, {confidence['level']:.0%}, {confidence['resamples']} resamples of "
        f"{confidence['groups']} groups (patients or clusters of near-duplicates, drawn with all their cases), seed "
        f"{confidence['seed']}. They tell the chance of this set of cases, not that of another hospital or scanner.",
    ]
    return html.section("How this was measured", *(html.paragraph(text, "small") for text in texts))
