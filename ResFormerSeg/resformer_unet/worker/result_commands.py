"""The commands on earlier results, ``compare``, ``patient`` and ``cine``; they need no network."""

from __future__ import annotations

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.worker.array_files import read_array
from resformer_unet.worker.protocol import CommandContext, bad_command


def compare(command: dict, context: CommandContext) -> dict:
    """Agreement of two segmentations, segment by segment."""
    from resformer_unet.evaluation.label_comparison import compare_labels

    first, second = read_array(command["first"], "first"), read_array(command["second"], "second")
    segments = command["segments"]
    context.send("status", message="Comparing")
    rows = []
    for index, segment in enumerate(segments):
        context.raise_if_cancelled()
        layers = [
            _layer(labels, segment.get(f"layer_{which}", 0), which)
            for labels, which in ((first, "first"), (second, "second"))
        ]
        rows += compare_labels(*layers, [segment], command["affine_lps"])
        context.progress(index + 1, len(segments))
    return {"comparison": rows}


def diagnose_patient(command: dict, context: CommandContext) -> dict:
    """One diagnosis from the reports of a patient's end-diastolic and end-systolic image."""
    from resformer_unet.cardiac import patient_diagnosis
    from resformer_unet.model.catalog import find_model

    context.send("status", message="Diagnosing the patient")
    bundle = find_model(command["model"])
    try:
        return {"patient": patient_diagnosis.diagnose_patient(command["reports"], bundle)}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise bad_command(f"the reports are not as the engine writes them ({type(error).__name__}: {error})") from error


def evaluate_cine(command: dict, context: CommandContext) -> dict:
    """The function of a heart over its cycle, from the reports of its frames.

    Where these show no beating heart, ``heart`` is ``None`` and a notice says why; phases that a user chose and that
    cannot be are an error.
    """
    from resformer_unet.cardiac import cine
    from resformer_unet.cardiac.body import BodySize
    from resformer_unet.model.catalog import find_model

    reports, count = command["reports"], len(command["reports"])
    if any(command.get(name) is not None and len(command[name]) != count for name in ("frames", "times_s")):
        raise bad_command(f"frames and times_s must have {count} entries, as reports has")
    context.send("status", message="Evaluating the heart")
    phases = {name: command.get(name) for name in ("end_diastole", "end_systole")}
    try:
        heart = cine.evaluate_cine(
            reports, find_model(command["model"]), frames=command.get("frames"), times_s=command.get("times_s"),
            body=BodySize.from_dict(command.get("body")), **phases,
        )  # fmt: skip
    except EngineError as error:
        if error.code not in ("HEART_NOT_FOUND", "HEART_NOT_BEATING") or any(
            value is not None for value in phases.values()
        ):
            raise
        context.send("notice", code=error.code, message=f"The heart was not evaluated: {error.message}")
        return {"heart": None}
    return {"heart": heart}


def _layer(labels: np.ndarray, index: int, entry: str) -> np.ndarray:
    """One label image (slices, rows, columns) of an array that is one, or holds several."""
    if labels.ndim == 3:
        labels = labels[None]
    if labels.ndim != 4 or index >= len(labels):
        raise bad_command(f"{entry} has the shape {labels.shape} and no layer {index}")
    return labels[index]
