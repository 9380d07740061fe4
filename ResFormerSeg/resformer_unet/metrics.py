"""Figures of merit, computed by torchmetrics: overlap of segments, and quality of diagnoses.

A figure that is not defined (no case to measure it on) is ``None``, never NaN. torchmetrics belongs to the extra
"train"; predicting does without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .errors import EngineError

CALIBRATION_BINS = 15


def overlap(predicted: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Dice and Jaccard of two boolean masks of the same shape, in 3D for volumes; ``reference`` must not be empty."""
    import torch

    library = _torchmetrics()
    either = predicted | reference  # voxels outside both masks change neither figure, and are most of a volume
    a, b = (torch.from_numpy(mask[either].astype(np.uint8)) for mask in (predicted, reference))
    return float(library.binary_f1_score(a, b)), float(library.binary_jaccard_index(a, b))


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are defined, ``None`` without any."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def diagnosis_metrics(probabilities: np.ndarray, labels: Sequence[int], classes: Sequence[str]) -> dict:
    """Quality of diagnoses: accuracy, balanced_accuracy, macro_auc, sensitivity{}, specificity{}, ece.

    Args:
        probabilities: (cases, classes), calibrated, each row with the sum 1.
        labels: index of each case's true class; some classes may not occur.
        classes: names for the keys of sensitivity and specificity.

    Balanced accuracy is the mean sensitivity of the classes that occur. ``macro_auc`` is the mean of the one-versus-
    rest areas over the classes that have both positive and negative cases. ``ece`` is the expected calibration error of
    the most probable class in 15 bins of equal width.
    """
    if not len(labels):
        nothing = dict.fromkeys(classes)
        figures = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_auc"))
        return {**figures, "sensitivity": nothing, "specificity": dict(nothing), "ece": None}

    import torch

    library = _torchmetrics()
    scores, truth, count = torch.as_tensor(probabilities).double(), torch.as_tensor(labels), len(classes)
    recall = library.multiclass_recall(scores, truth, count, average="none").tolist()
    specificity = library.multiclass_specificity(scores, truth, count, average="none").tolist()
    positives = [int((truth == index).sum()) for index in range(count)]
    occurs = [number > 0 for number in positives]
    has_others = [number < len(truth) for number in positives]
    sensitivity = {name: recall[i] if occurs[i] else None for i, name in enumerate(classes)}
    areas = [
        float(library.binary_auroc(scores[:, index], (truth == index).long()))
        for index in range(count)
        if occurs[index] and has_others[index]
    ]
    return {
        "accuracy": float(library.multiclass_accuracy(scores, truth, count, average="micro")),
        "balanced_accuracy": mean(sensitivity.values()),
        "macro_auc": mean(areas),
        "sensitivity": sensitivity,
        "specificity": {name: specificity[i] if has_others[i] else None for i, name in enumerate(classes)},
        "ece": float(library.multiclass_calibration_error(scores, truth, count, n_bins=CALIBRATION_BINS)),
    }


def _torchmetrics():
    try:
        from torchmetrics.functional import classification
    except ImportError as error:
        raise EngineError(
            "TRAINING_EXTRA_MISSING",
            "Evaluating a model needs the package torchmetrics, which is not installed.",
            'Install it with: pip install "resformer-unet[train]"',
        ) from error
    return classification
