"""The commands on earlier results, ``compare`` and ``patient``; they need no network."""

from __future__ import annotations

import numpy as np

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


def _layer(labels: np.ndarray, index: int, entry: str) -> np.ndarray:
    """One label image (slices, rows, columns) of an array that is one, or holds several."""
    if labels.ndim == 3:
        labels = labels[None]
    if labels.ndim != 4 or index >= len(labels):
        raise bad_command(f"{entry} has the shape {labels.shape} and no layer {index}")
    return labels[index]
