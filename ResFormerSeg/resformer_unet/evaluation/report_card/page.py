"""The report card's page: one HTML file without scripts, and with all pictures inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.atomic_files import atomic_file, atomic_write_text, text_bytes
from resformer_unet.data.dataset import Case
from resformer_unet.errors import EngineError
from resformer_unet.evaluation.evaluate import evaluation_text
from resformer_unet.evaluation.metrics import CALIBRATION_BINS
from resformer_unet.evaluation.report_card import sections
from resformer_unet.evaluation.report_card.example_cases import Example, draw_examples
from resformer_unet.evaluation.report_card.figures_table import STRESS_FIGURES, number
from resformer_unet.evaluation.report_card.plots import import_matplotlib
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.page_template import page_template

TEMPLATE = "page.html.j2"


def beside(evaluation: Path) -> Path:
    """Path of the page of an evaluation's JSON file: the same name, ending in .html."""
    page = evaluation.with_suffix(".html")
    return page if page != evaluation else evaluation.with_name(evaluation.name + ".html")


def check_packages() -> None:
    """Whether a page can be made at all, which is asked before hours of evaluation.

    Raises:
        EngineError: TRAINING_EXTRA_MISSING.
    """
    import_matplotlib()
    _template()


def write_report_card(
    path: str | Path,
    report: Mapping,
    cases: Sequence[Case],
    predictor: Predictor,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the page of an evaluation, whole or not at all; the model is run once more on the cases it shows.

    Args:
        report: of :func:`.evaluate` or ``evaluate_cases``; cases: those that were evaluated.
        progress: called with (cases drawn, cases to draw).

    Raises:
        EngineError: TRAINING_EXTRA_MISSING, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    examples = draw_examples(report["per_case"], cases, predictor, progress)
    atomic_write_text(path, report_page(report, predictor.bundle, examples))


def write_evaluation_and_card(
    path: str | Path,
    report: dict,
    cases: Sequence[Case],
    predictor: Predictor,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write an evaluation's JSON file and its page :func:`beside` it; neither is touched before both are complete.

    Args: as of :func:`write_report_card`.

    Returns:
        The page's path.

    Raises:
        EngineError: TRAINING_EXTRA_MISSING, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    path = Path(path)
    card = beside(path)
    page = report_page(report, predictor.bundle, draw_examples(report["per_case"], cases, predictor, progress))
    with atomic_file(card) as new_card, atomic_file(path) as new_evaluation:
        new_card.write_bytes(text_bytes(page))
        new_evaluation.write_bytes(text_bytes(evaluation_text(report)))
    return card


def report_page(
    report: Mapping, bundle: ModelBundle, examples: Sequence[Example], day: date | None = None, list_cases: bool = True
) -> str:
    """The page as text; every figure in it is one of the report's.

    Args:
        list_cases: whether each case and each group has a line.

    Raises:
        EngineError: TRAINING_EXTRA_MISSING.
    """
    patients, calibration = bundle.descriptor.get("patient_diagnosis"), bundle.descriptor["calibration"]
    return _template().render(
        title=bundle.title,
        description=bundle.descriptor["description"],
        notice=NOT_FOR_CLINICAL_USE,
        facts=_facts(report, day or date.today()),
        report=report,
        segmentation=sections.segmentation(report, bundle) if report["segmentation"] else None,
        diagnosis=sections.diagnosis(report, bundle) if report["diagnosis"] else None,
        stress=sections.stress(report["stress"]) if "stress" in report else None,
        stress_head=["", *STRESS_FIGURES.values()],
        temperature=calibration and calibration["temperature"],
        alert_sensitivity=next((row["target_sensitivity"] for row in report["operating_points"].values()), None),
        biases=bool(calibration and calibration.get("biases")),
        examples=sections.examples(examples, bundle),
        groups=sections.groups(report, bundle) if report["per_group"] else None,
        cases=sections.cases(report),
        list_cases=list_cases,
        problems=[
            *((warning["code"], warning["message"]) for warning in report["warnings"]),
            *((row["case"], row["message"]) for row in report["failed"]),
        ],
        patient_rule=patients and patients["rule_text"].rstrip("."),
        bins=CALIBRATION_BINS,
    )


def _facts(report: Mapping, day: date) -> list[tuple[str, str]]:
    data = report.get("data") or {}
    return [
        ("Model", f"{report['model']['id']}, version {report['model']['version']}"),
        ("SHA-256 of the weights", report["model"]["sha256"]),
        ("Data set", data.get("name") or Path(data.get("folder") or "not stated").name),
        ("Split", data.get("split") or "all"),
        ("Cases", f"{report['cases']}, of {report['confidence']['groups']} patients or groups"),
        ("Evaluated", f"{day.isoformat()}, resformer-unet {__version__}"),
    ]


def _template():
    missing = EngineError(
        "TRAINING_EXTRA_MISSING",
        "Writing a report card needs the package jinja2, which is not installed.",
        'Install it with: pip install "resformer-unet[train]"',
    )
    return page_template(__package__, TEMPLATE, missing, number=number)
