"""From trained weights to a complete bundle: calibration, measured results, model card, ONNX graph."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from resformer_unet.data.dataset import Case
from resformer_unet.evaluation.evaluate import evaluate_cases, write_evaluation
from resformer_unet.evaluation.report_card.page import write_report_card
from resformer_unet.evaluation.stress import stress_test
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.saving import save_bundle
from resformer_unet.training.finish.calibration import DiagnosedCase, diagnosed_cases, fit_calibration
from resformer_unet.training.finish.card import card_files, model_card
from resformer_unet.training.finish.onnx_export import add_exported_graph
from resformer_unet.training.finish.operating_points import with_operating_points
from resformer_unet.training.finish.patient_regression import fit_patient_regression, segmentation_errors
from resformer_unet.training.finish.reference_statistics import reference_statistics
from resformer_unet.training.loop.curves import PICTURE
from resformer_unet.training.setup.run_folder import run_folder

_EVALUATING = ".evaluating-"


def finish_bundle(
    output: Path,
    descriptor: dict,
    weights: Mapping[str, Tensor],
    splits: Mapping[str, Sequence[Case]],
    device: str,
    progress: Callable[[str, int, int], None],
    train: Sequence[Case] = (),
    stress: bool = False,
) -> ModelBundle:
    """Calibrate on the validation cases, evaluate as a user would, and write the bundle, with :func:`.running` held.

    The results in the descriptor and the card are those of :func:`.evaluate_cases` with the weights that are
    written; the full evaluation of each split goes to ``<output>.training/evaluation-<split>.json``
    and as a page with images of cases to ``.html``. The card has plots only: images may not be redistributed.

    Args:
        descriptor: everything but ``calibration``, ``results`` and ``weights``.
        splits: cases to report on, by name; one without cases is left out.
        train: cases that were trained on, to which, with ``val``, the out-of-distribution detector is fitted.
        stress: give the last split's cases under shifts too, see :func:`.stress_test`.
    """
    descriptor = {**descriptor, "calibration": None, "results": []}
    work = run_folder(output)
    for left in work.glob(f"{_EVALUATING}*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=work, prefix=_EVALUATING) as folder:
        report: dict | None = None
        predictor = Predictor(save_bundle(Path(folder) / output.name, descriptor, weights, card="-"), device)
        val = splits.get("val", ())
        if descriptor.get("patient_diagnosis"):
            errors = segmentation_errors(val, predictor)
            descriptor["patient_diagnosis"] = fit_patient_regression(train, descriptor, errors)
        if descriptor["diagnosis"]:
            descriptor |= _calibrated(descriptor, diagnosed_cases(val, predictor))
        descriptor["out_of_distribution"], tensors = reference_statistics(
            predictor, train, val, lambda *n: progress("fitting the out-of-distribution detector", *n)
        )
        finished = save_bundle(Path(folder) / output.name, descriptor, {**weights, **tensors}, card="-")
        predictor = Predictor(finished, device)
        last = [split for split, cases in splits.items() if cases][-1:]
        for split, cases in splits.items():
            if not cases:
                continue
            report = evaluate_cases(cases, predictor, lambda *n, split=split: progress(f"evaluating {split}", *n))
            if stress and [split] == last:
                report["stress"] = stress_test(cases, predictor, lambda *n: progress("stress test", *n))
            report["data"] = {"name": descriptor["training"]["data"][0]["name"], "split": split}
            write_evaluation(work / f"evaluation-{split}.json", report)
            descriptor["results"].append(
                {
                    "data": descriptor["training"]["data"][0]["name"],
                    "split": split,
                    "cases": report["cases"],
                    "metrics": headline(report),
                }
            )
            write_report_card(work / f"evaluation-{split}.html", report, cases, predictor)
        beside_card = card_files(report, predictor.bundle) if report else {}  # of the last split
    curves = [PICTURE] if (work / PICTURE).exists() else []
    card = model_card(descriptor, [*beside_card, *curves], report and report.get("stress"))
    bundle = save_bundle(output, descriptor, {**weights, **tensors}, card, beside_card)
    progress("exporting the network", 0, 1)
    return add_exported_graph(bundle)


def _calibrated(descriptor: Mapping, cases: Sequence[DiagnosedCase]) -> dict:
    """The descriptor's ``calibration``, and its ``diagnosis`` with operating points."""
    where, diagnosis = "validation split", descriptor["diagnosis"]
    calibration = fit_calibration(cases, where)
    classes = with_operating_points(diagnosis["classes"], cases, calibration, where)
    return {"calibration": calibration, "diagnosis": {**diagnosis, "classes": classes}}


def headline(report: Mapping) -> dict[str, float]:
    """The figures of an evaluation that a descriptor carries, by name, without those that could not be measured."""
    figures: dict[str, float | None] = {}
    if report["segmentation"]:
        figures |= {f"dice_{name}": value for name, value in report["segmentation"]["dice"].items()}
        figures |= {f"jaccard_{name}": value for name, value in report["segmentation"]["jaccard"].items()}
        for name in ("false_positive_rate", "slice_false_positive_rate"):
            figures[name] = report["segmentation"][name]
        if len(by_segment := report["segmentation"]["segment_false_positive_rate"]) > 1:
            figures |= {f"false_positive_rate_{name}": value for name, value in by_segment.items()}
    if report["diagnosis"]:
        for name, value in report["diagnosis"].items():
            if isinstance(value, Mapping):
                figures |= {f"{name}_{diagnosis}": figure for diagnosis, figure in value.items()}
            else:
                figures[name] = value
    return {name: round(value, 4) for name, value in figures.items() if value is not None}
