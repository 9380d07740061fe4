"""Figures of merit: overlap of segments, and quality of diagnoses; most of them computed by torchmetrics.

A figure that is not defined (no case to measure it on) is ``None``, never NaN. torchmetrics belongs to the extra
"train"; predicting does without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from resformer_unet.errors import EngineError

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
    """Quality of diagnoses: accuracy, balanced_accuracy, macro_auc, auc{}, sensitivity{}, specificity{}, ece.

    Args:
        probabilities: (cases, classes), calibrated, each row with the sum 1.
        labels: index of each case's true class; some classes may not occur.
        classes: names for the keys of auc, sensitivity and specificity.

    Balanced accuracy is the mean sensitivity of the classes that occur. ``auc`` is the area of each class against the
    rest, defined where there are both positive and negative cases, and ``macro_auc`` the mean of these areas. ``ece``
    is :func:`calibration_error`.
    """
    if not len(labels):
        nothing = dict.fromkeys(classes)
        figures = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_auc"))
        return {**figures, **{name: dict(nothing) for name in ("auc", "sensitivity", "specificity")}, "ece": None}

    import torch

    library = _torchmetrics()
    scores, truth, count = torch.as_tensor(probabilities).double(), torch.as_tensor(labels), len(classes)
    recall = library.multiclass_recall(scores, truth, count, average="none").tolist()
    specificity = library.multiclass_specificity(scores, truth, count, average="none").tolist()
    positives = [int((truth == index).sum()) for index in range(count)]
    occurs = [number > 0 for number in positives]
    has_others = [number < len(truth) for number in positives]
    sensitivity = {name: recall[i] if occurs[i] else None for i, name in enumerate(classes)}
    areas = {
        name: float(library.binary_auroc(scores[:, i], (truth == i).long())) if occurs[i] and has_others[i] else None
        for i, name in enumerate(classes)
    }
    return {
        "accuracy": float(library.multiclass_accuracy(scores, truth, count, average="micro")),
        "balanced_accuracy": mean(sensitivity.values()),
        "macro_auc": mean(areas.values()),
        "auc": areas,
        "sensitivity": sensitivity,
        "specificity": {name: specificity[i] if has_others[i] else None for i, name in enumerate(classes)},
        "ece": calibration_error(reliability(probabilities, labels)),
    }


def confusion_matrix(probabilities: np.ndarray, labels: Sequence[int]) -> list[list[int]]:
    """Number of cases by true class (rows) and most probable class (columns)."""
    counts = np.zeros((probabilities.shape[1],) * 2, int)
    np.add.at(counts, (np.asarray(labels, int), probabilities.argmax(1)), 1)
    return counts.tolist()


def roc_curve(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates over all thresholds, from (0, 0) to (1, 1).

    Args:
        scores: (cases,) probability of the class; positive: bool (cases,), of both kinds.
    """
    import torch

    false_rate, true_rate, _ = _torchmetrics().binary_roc(
        torch.as_tensor(scores).double(), torch.as_tensor(positive).long()
    )
    return false_rate.numpy(), true_rate.numpy()


def reliability(probabilities: np.ndarray, labels: Sequence[int], bins: int = CALIBRATION_BINS) -> list[dict]:
    """The most probable class's probability against how often it is right, in bins of equal width.

    Rows with ``low``, ``high`` (the bin's borders), ``cases``, ``confidence`` (mean probability) and ``accuracy``; bins
    without cases are left out.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == np.asarray(labels)
    index = bin_indices(confidence, bins)
    return [
        {
            "low": number / bins,
            "high": (number + 1) / bins,
            "cases": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for number in range(bins)
        if (inside := index == number).any()
    ]


def bin_indices(confidence: np.ndarray, bins: int = CALIBRATION_BINS) -> np.ndarray:
    """The bin of equal width that each probability falls into."""
    return np.minimum((confidence * bins).astype(int), bins - 1)


def calibration_error(rows: Sequence[dict]) -> float | None:
    """Expected calibration error of :func:`reliability`'s rows: how far probability and accuracy are apart, by cases.

    Naeini, Cooper, Hauskrecht: Obtaining Well Calibrated Probabilities Using Bayesian Binning. AAAI 2015.
    """
    cases = sum(row["cases"] for row in rows)
    return sum(row["cases"] * abs(row["accuracy"] - row["confidence"]) for row in rows) / cases if cases else None


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
