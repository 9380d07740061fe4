"""Summary of an evaluation for the terminal."""

from __future__ import annotations

from collections.abc import Mapping


def summarise(report: Mapping) -> str:
    """The metrics of :func:`.evaluate`, its warnings and failed cases, one per line."""
    lines = [f"{report['cases']} cases with {report['model']['id']} {report['model']['version']}"]
    if segmentation := report["segmentation"]:
        lines.append(f"Dice      {_figures(segmentation['dice'])}")
        lines.append(f"Jaccard   {_figures(segmentation['jaccard'])}")
        lines.append(f"false positive rate {_number(segmentation['false_positive_rate'])}")
        if len(by_segment := segmentation["segment_false_positive_rate"]) > 1:
            lines.append(f"of each segment     {_figures(by_segment)}")
    if diagnosis := report["diagnosis"]:
        for name, value in diagnosis.items():
            figure = _figures(value) if isinstance(value, Mapping) else _number(value)
            lines.append(f"{name.replace('_', ' '):<18}{figure}")
    lines += _stress(report["stress"]) if "stress" in report else []
    lines += [f"warning: {warning['message']}" for warning in report["warnings"]]
    lines += [f"failed: {row['case']}: {row['message']}" for row in report["failed"]]
    return "\n".join(lines)


def _stress(stress: Mapping) -> list[str]:
    rows = {"unshifted": stress["unshifted"], **stress["means"]}
    return [
        f"stress, {name:<10} Dice {_number(row['dice'])}, macro AUC {_number(row['macro_auc'])}, accuracy "
        f"{_number(row['accuracy'])}, flagged {_number(row['flagged'])}"
        for name, row in rows.items()
    ]


def _figures(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in values.items())


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
