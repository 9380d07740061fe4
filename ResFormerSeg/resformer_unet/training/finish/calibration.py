"""Calibration of the diagnosis: a temperature and one bias a class, fitted to the probabilities of cases.

Temperature scaling: Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks. ICML 2017,
arXiv:1706.04599. With biases: bias-corrected temperature scaling, Alexandari, Kundaje, Shrikumar: Maximum likelihood
with bias-corrected calibration is hard-to-beat at label shift adaptation. ICML 2020, arXiv:1901.06852. A class-weighted
loss shifts the classes' priors, which a temperature cannot undo.

The fit is the maximum of a penalised likelihood: priors pull towards the plain probabilities, and win where cases are
few. A variant is kept only where the likelihood of cases that it was not fitted to improves on all simpler ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from resformer_unet.data.dataset import Case, read_case_image
from resformer_unet.inference.predictor import Predictor
from resformer_unet.postprocessing.case_probabilities import slice_probabilities, slice_weights

TEMPERATURE_SPREAD = 0.25  # standard deviation of the prior of the temperature's logarithm around 0
BIAS_SPREAD = 0.5  # standard deviation of the prior of each bias around 0
FOLDS, REPEATS = 5, 4  # of the cross-validation over groups
VARIANTS = ("plain", "temperature", "temperature_and_biases")  # from the simplest on
_SMALLEST = 1e-12  # probability


@dataclass(frozen=True)
class DiagnosedCase:
    """What the network gave for a case with a known diagnosis.

    Attributes:
        logits: (n, diagnoses) of its slices.
        weights: (n,) of the slices in the case's probabilities, with the sum 1, see :func:`.slice_weights`.
        label: index of the true class.
        group: patient or cluster of near-duplicates; never divided in cross-validation.
    """

    logits: np.ndarray
    weights: np.ndarray
    label: int
    group: str

    def probabilities(self, calibration: Mapping | None) -> np.ndarray:
        """Of the case, (diagnoses,)."""
        return self.weights @ slice_probabilities(self.logits, calibration)


def diagnosed_cases(cases: Sequence[Case], predictor: Predictor) -> list[DiagnosedCase]:
    """The model's diagnoses of those cases whose label is one of its classes, as it gives them in use."""
    classes = [entry["id"] for entry in predictor.bundle.diagnoses]
    found = []
    for case in cases:
        if case.label in classes:
            prediction = predictor.predict(read_case_image(case))
            weights = slice_weights(prediction.areas, predictor.bundle.descriptor["diagnosis"]["rule"])
            found.append(DiagnosedCase(prediction.logits, weights, classes.index(case.label), case.group))
    return found


def fit_calibration(cases: Sequence[DiagnosedCase], where: str) -> dict | None:
    """The descriptor's ``calibration``: the variant that explains cases best to which it was not fitted.

    Args:
        cases: that the network was not trained on.
        where: they come from, for ``fitted_on``.

    Returns:
        ``None`` where the plain probabilities do best, or where there are not two groups to measure that with.
    """
    if len({case.group for case in cases}) < 2:
        return None
    likelihoods = {variant: cross_validated(cases, variant) for variant in VARIANTS}
    best = max(VARIANTS, key=likelihoods.__getitem__)  # of equal ones the simplest
    if best == "plain":
        return None
    groups = len({case.group for case in cases})
    return {
        "method": best,
        **fit_variant(cases, best),
        "fitted_on": (
            f"{where}, {len(cases)} cases of {groups} patients or groups; cross-validated log-likelihood "
            f"{likelihoods[best]:.3f} a case, without calibration {likelihoods['plain']:.3f}"
        ),
    }


def cross_validated(cases: Sequence[DiagnosedCase], variant: str) -> float:
    """Mean log-likelihood of the cases, each under the variant fitted to the other folds."""
    total = 0.0
    for repeat in range(REPEATS):
        for inside, outside in folds(cases, repeat):
            total += log_likelihood(outside, fit_variant(inside, variant))
    return total / (REPEATS * len(cases))


def folds(cases: Sequence[DiagnosedCase], seed: int) -> list[tuple[list[DiagnosedCase], list[DiagnosedCase]]]:
    """Divisions into cases to fit to and cases to judge by, whole groups at a time; each case is judged by once."""
    groups = list(dict.fromkeys(case.group for case in cases))
    places = np.random.default_rng(seed).permutation(len(groups)) % min(FOLDS, len(groups))
    fold = dict(zip(groups, places.tolist(), strict=True))
    return [
        ([case for case in cases if fold[case.group] != number], [case for case in cases if fold[case.group] == number])
        for number in range(min(FOLDS, len(groups)))
    ]


def fit_variant(cases: Sequence[DiagnosedCase], variant: str) -> dict:
    """``temperature`` in 0.2...10 and, of the variant with them, ``biases`` of the maximum a posteriori.

    Without the priors, a few cases that are all predicted correctly would drive every probability to 1.
    """
    if variant == "plain":
        return {"temperature": 1.0}
    biased = variant == "temperature_and_biases"
    classes = cases[0].logits.shape[1]
    logits = np.concatenate([case.logits for case in cases]).astype(np.float64)
    weights = np.concatenate([case.weights for case in cases])
    labels = np.repeat([case.label for case in cases], [len(case.logits) for case in cases])
    starts = np.cumsum([0, *(len(case.logits) for case in cases[:-1])])

    def calibration(parameters: np.ndarray) -> dict:
        return {"temperature": math.exp(parameters[0]), **({"biases": parameters[1:]} if biased else {})}

    def loss(parameters: np.ndarray) -> float:
        of_label = slice_probabilities(logits, calibration(parameters))[np.arange(len(labels)), labels]
        likelihood = np.log(np.maximum(np.add.reduceat(weights * of_label, starts), _SMALLEST)).sum()
        penalty = (parameters[0] / TEMPERATURE_SPREAD) ** 2 + np.square(parameters[1:] / BIAS_SPREAD).sum()
        return penalty / 2 - likelihood

    bounds = [(math.log(0.2), math.log(10)), *([(-5.0, 5.0)] * classes if biased else [])]
    found = calibration(minimize(loss, np.zeros(len(bounds)), bounds=bounds, method="L-BFGS-B").x)
    biases = {"biases": [round(float(value), 4) for value in found["biases"]]} if biased else {}
    return {"temperature": round(found["temperature"], 4), **biases}


def log_likelihood(cases: Sequence[DiagnosedCase], calibration: Mapping | None) -> float:
    """Sum of the logarithms of the probabilities that the cases' true classes get."""
    return sum(math.log(max(case.probabilities(calibration)[case.label], _SMALLEST)) for case in cases)
