"""The model card of a bundle, written from its descriptor, and the card's figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from resformer_unet import NOT_FOR_CLINICAL_USE
from resformer_unet.evaluation.report_card import plots, stress_plots
from resformer_unet.evaluation.report_card.figures_table import STRESS_FIGURES, number, values_by_segment
from resformer_unet.evaluation.report_card.page import report_page
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.training.loop.curves import PICTURE

DICE, RELIABILITY, PAGE = "dice.svg", "reliability.svg", "report-card.html"
SHIFTS, RISK_COVERAGE = "shifts.svg", "risk-coverage.svg"


def card_files(report: Mapping, bundle: ModelBundle) -> dict[str, str]:
    """The card's figures and its report card, by file name: drawn from the metrics alone, without any case's image.

    Args:
        report: an evaluation of the bundle, as :func:`.evaluate_cases` returns it.
    """
    files = {}
    values = values_by_segment(report["per_case"], "dice", bundle)
    if any(values.values()):
        files[DICE] = plots.overlap_distribution("Dice", values)
    if report["calibration"]:
        bins, error = report["calibration"]["bins_after"], report["calibration"]["ece_after"]
        files[RELIABILITY] = plots.reliability_diagram(bins, error, "Reliability")
    if stress := report.get("stress"):
        files[SHIFTS] = stress_plots.results_under_shifts(stress)
        if any(stress["risk_coverage"].values()):
            files[RISK_COVERAGE] = stress_plots.risk_coverage_curves(stress["risk_coverage"])
    return {**files, PAGE: report_page(report, bundle, [], list_cases=False)}


def model_card(descriptor: Mapping, files: Collection[str] = (), stress: Mapping | None = None) -> str:
    """Markdown with intended use, limits, data, training and measured results (Mitchell et al., arXiv:1810.03993).

    Args:
        files: pictures and pages that lie beside the card: those of :func:`card_files`, drawn from the last of the
            descriptor's results, and the learning curves.
        stress: of :func:`.stress_test` on that split.
    """
    training = descriptor["training"]
    recipe = training["recipe"]
    rows, columns = descriptor["input"]["size"]
    parts = [
        f"# {descriptor['title']}",
        f"Version {descriptor['version']}.",
        descriptor["description"],
        f"**{NOT_FOR_CLINICAL_USE}**",
        "## Intended use",
        descriptor["intended_use"],
        "## Limits",
        "\n".join(f"- {limit}" for limit in descriptor["limits"]),
        "## Output",
        *_outputs(descriptor),
        "## Training data",
        "\n".join(
            f"- {row['name']}: {row['cases']} training cases. Licence: {row['licence']}. Cite: {row['citation']}"
            for row in training["data"]
        ),
        "## Training",
        f"ResFormer-UNet, preset `{recipe['preset']}`, input {rows} x {columns} pixels, {training['epochs']} epochs, "
        f"{training['seconds'] / 60:.0f} minutes on {training['device']}, {training['date']}. "
        "The whole recipe is in `model.json`.",
        *([f"![Loss and validation metrics of each epoch]({PICTURE})"] if PICTURE in files else []),
        "## Measured results",
        "By `resformer-unet evaluate`, on the weights of this folder. Dice and Jaccard are means over the cases in "
        "which the reference is not empty.",
        _results(descriptor["results"]) or "Not measured.",
        *_figures(descriptor["results"], set(files)),
        *(_stress(stress, set(files)) if stress else []),
        "## Licence",
        descriptor["licence"],
    ]
    return "\n\n".join(parts) + "\n"


def _outputs(descriptor: Mapping) -> list[str]:
    parts = []
    if descriptor["segmentation"]:
        parts.append("Segments: " + ", ".join(row["name"] for row in descriptor["segmentation"]["segments"]) + ".")
    if descriptor["diagnosis"]:
        names = ", ".join(row["name"] for row in descriptor["diagnosis"]["classes"])
        parts.append(f"Diagnoses: {names}. {descriptor['diagnosis']['rule_text']}")
        parts += [_alert(row) for row in descriptor["diagnosis"]["classes"] if "operating_point" in row]
    if descriptor["calibration"]:
        parts.append(f"The probabilities are calibrated ({_calibration(descriptor)}).")
    return parts


def _alert(row: Mapping) -> str:
    point = row["operating_point"]
    return (
        f"{row['name']} must not be missed: from a probability of {100 * point['threshold']:.1f} % on it is reported "
        "as not excluded, even where another diagnosis is more probable. By cross-validation on "
        f"{point['positives']} cases with and {point['negatives']} without it, sensitivity "
        f"{point['sensitivity']:.2f}, specificity {point['specificity']:.2f}."
    )


def _calibration(descriptor: Mapping) -> str:
    calibration = descriptor["calibration"]
    parts = [f"temperature {calibration['temperature']:g}"]
    if biases := calibration.get("biases"):
        named = zip(descriptor["diagnosis"]["classes"], biases, strict=True)
        parts.append("biases " + ", ".join(f"{entry['name']} {bias:+.2f}" for entry, bias in named))
    return "; ".join([*parts, calibration["fitted_on"]])


def _figures(results: list[Mapping], files: set[str]) -> list[str]:
    if not results or not files:
        return []
    split = results[-1]["split"]
    shown = {
        DICE: f"Distribution of the cases' Dice, split {split}",
        RELIABILITY: f"Reliability diagram: accuracy against predicted probability, split {split}",
    }
    parts = [f"![{text}]({name})" for name, text in shown.items() if name in files]
    link = (
        f"Confidence intervals, confusion matrix and ROC curves of the split {split} are in [the report card]({PAGE}); "
    )
    return [*parts, link + "`resformer-unet evaluate` writes it with the best, median and worst cases as pictures."]


def _stress(stress: Mapping, files: set[str]) -> list[str]:
    head = ["shifts", *STRESS_FIGURES.values()]
    rows = {"none": stress["unshifted"], **stress["means"]}
    lines = [[name, *(number(row[key]) for key in STRESS_FIGURES)] for name, row in rows.items()]
    table = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *lines)]
    pictures = {
        SHIFTS: "Dice and macro AUC under each shift, at three strengths",
        RISK_COVERAGE: "Risk-coverage curves over all shifts; the dot is where the model begins to warn",
    }
    return [
        "## Under shifts",
        f"{stress['cases']} cases as another device, protocol or archive would give them: contrast, noise, blur, "
        "resolution, compression, artefacts, cropping, rotation; means over the shifts. Flagged are the cases that the "
        "model warns of as out of distribution. `resformer-unet evaluate --stress` repeats it.",
        "\n".join(table),
        *(f"![{text}]({name})" for name, text in pictures.items() if name in files),
    ]


def _results(results: list[Mapping]) -> str:
    if not results:
        return ""
    names = list(dict.fromkeys(name for row in results for name in row["metrics"]))
    head = "| metric | " + " | ".join(f"{row['split']} ({row['cases']} cases)" for row in results) + " |"
    rule = "|---|" + "---|" * len(results)
    lines = [
        f"| {name.replace('_', ' ')} | "
        + " | ".join(f"{row['metrics'][name]:.3f}" if name in row["metrics"] else "–" for row in results)
        + " |"
        for name in names
    ]
    return "\n".join([head, rule, *lines])
