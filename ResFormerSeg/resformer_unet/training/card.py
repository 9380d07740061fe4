"""The model card that lies beside the weights, written from the descriptor."""

from __future__ import annotations

from collections.abc import Mapping

from .. import NOT_FOR_CLINICAL_USE


def model_card(descriptor: Mapping) -> str:
    """Markdown with intended use, limits, data, training and measured results (Mitchell et al., arXiv:1810.03993)."""
    training = descriptor["training"]
    recipe = training["recipe"]
    rows, columns = descriptor["input"]["size"]
    parts = [
        f"# {descriptor['title']}",
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
        "## Measured results",
        "By `resformer-unet evaluate`, on the weights of this folder. Dice and Jaccard are means over the cases in "
        "which the reference holds something.",
        _results(descriptor["results"]) or "Not measured.",
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
    if descriptor["calibration"]:
        temperature, fitted = descriptor["calibration"]["temperature"], descriptor["calibration"]["fitted_on"]
        parts.append(
            f"The probabilities of single slices are calibrated by temperature scaling (T = {temperature}, {fitted})."
        )
    return parts


def _results(results: list[Mapping]) -> str:
    if not results:
        return ""
    names = list(dict.fromkeys(name for row in results for name in row["metrics"]))
    head = "| figure | " + " | ".join(f"{row['split']} ({row['cases']} cases)" for row in results) + " |"
    rule = "|---|" + "---|" * len(results)
    lines = [
        f"| {name.replace('_', ' ')} | "
        + " | ".join(f"{row['metrics'][name]:.3f}" if name in row["metrics"] else "–" for row in results)
        + " |"
        for name in names
    ]
    return "\n".join([head, rule, *lines])
