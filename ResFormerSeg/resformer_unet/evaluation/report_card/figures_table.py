"""The figures of an evaluation in one table: value, confidence interval, number of cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from resformer_unet.model.bundle import ModelBundle

Row = tuple[str, str, str, str]
STRESS_FIGURES = {
    "dice": "Dice",
    "macro_auc": "macro AUC",
    "accuracy": "accuracy",
    "flagged": "flagged",
    "dice_kept": "Dice, not flagged",
    "accuracy_kept": "accuracy, not flagged",
}


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def interval(bounds: list[float] | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def values_by_segment(rows: Sequence[Mapping], key: str, bundle: ModelBundle) -> dict[str, list[float]]:
    """The rows' values of an overlap figure by the segments' names."""
    return {
        segment["name"]: [row[key][segment["id"]] for row in rows if segment["id"] in (row[key] or {})]
        for segment in bundle.segments
    }


def segmentation_rows(report: Mapping, bundle: ModelBundle) -> Iterator[Row]:
    """Rows (figure, value, interval, number of cases that it is measured on)."""
    segmentation, rows = report["segmentation"], report["per_case"]
    names = {segment["id"]: segment["name"] for segment in bundle.segments}
    several = {"mean": "mean of the segments"} if len(names) > 1 else {}
    for key, title in (("dice", "Dice"), ("jaccard", "Jaccard")):
        for segment, name in {**names, **several}.items():
            cases = sum(bool(row[key]) and (segment == "mean" or segment in row[key]) for row in rows)
            value = segmentation[key][segment]
            yield _row(report, f"{title}, {name}", value, f"{key}_{segment}", f"{cases} cases")
    lesion_free = sum(row["false_positive"] is not None for row in rows)
    value = segmentation["false_positive_rate"]
    yield _row(
        report, "False positives in cases without a segment", value, "false_positive_rate", f"{lesion_free} cases"
    )
    for segment, name in names.items() if several else ():
        cases = sum(segment in (row["segment_false_positive"] or {}) for row in rows)
        value, key = segmentation["segment_false_positive_rate"][segment], f"segment_false_positive_rate_{segment}"
        yield _row(report, f"False positives of {name} in cases without it", value, key, f"{cases} cases")
    if any(row["volume"] for row in rows):
        slices = sum(row["lesion_free_slices"]["slices"] for row in rows if row["lesion_free_slices"])
        value = segmentation["slice_false_positive_rate"]
        yield _row(
            report,
            "False positives in slices without a segment",
            value,
            "slice_false_positive_rate",
            f"{slices} slices",
        )


def diagnosis_rows(report: Mapping) -> Iterator[Row]:
    diagnosis, units = report["diagnosis"], sum(map(sum, report["confusion"]["counts"]))
    titles = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "macro_auc": "Macro AUC"}
    for key, title in titles.items():
        yield _row(report, title, diagnosis[key], key, f"{units} diagnoses")


def class_rows(report: Mapping, bundle: ModelBundle) -> Iterator[tuple[str, ...]]:
    """Rows (diagnosis, cases, then sensitivity, specificity and AUC, each with its interval)."""
    intervals = report["confidence"]["figures"]
    for entry, counts in zip(bundle.diagnoses, report["confusion"]["counts"], strict=True):
        cells = []
        for key in ("sensitivity", "specificity", "auc"):
            cells += [number(report["diagnosis"][key][entry["id"]]), interval(intervals.get(f"{key}_{entry['id']}"))]
        yield (entry["name"], str(sum(counts)), *cells)


def alert_rows(report: Mapping, bundle: ModelBundle) -> Iterator[tuple[str, ...]]:
    """Rows (diagnosis that must not be missed, threshold, then sensitivity and specificity there with intervals)."""
    intervals, names = report["confidence"]["figures"], {entry["id"]: entry["name"] for entry in bundle.diagnoses}
    for name, point in report["operating_points"].items():
        cells = []
        for key in ("alert_sensitivity", "alert_specificity"):
            cells += [number(report["diagnosis"][key][name]), interval(intervals.get(f"{key}_{name}"))]
        yield (names[name], f"{point['threshold']:.3f}", *cells)


def stress_rows(stress: Mapping) -> Iterator[tuple[str, ...]]:
    """Rows (shift, then each of the figures of a stress test, at all strengths in one cell)."""
    yield ("none", *(number(stress["unshifted"][key]) for key in STRESS_FIGURES))
    for title in dict.fromkeys(row["title"] for row in stress["shifts"]):
        rows = [row for row in stress["shifts"] if row["title"] == title]
        yield (title, *(" / ".join(number(row[key]) for row in rows) for key in STRESS_FIGURES))
    means = stress["means"].values()
    yield ("mean", *(" / ".join(number(row[key]) for row in means) for key in STRESS_FIGURES))


def _row(report: Mapping, title: str, value: float | None, key: str, cases: str) -> Row:
    return title, number(value), interval(report["confidence"]["figures"].get(key)), cases
