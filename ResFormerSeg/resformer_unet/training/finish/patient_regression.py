"""Fitting of the diagnosis of patients: a multinomial logistic regression on cardiac function parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from resformer_unet.cardiac.function_parameters import cardiac_function, end_diastole_first
from resformer_unet.cardiac.patient_diagnosis import regression_inputs
from resformer_unet.data.dataset import Case, read_case_image, read_case_segments
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import voxel_mm3
from resformer_unet.inference.predictor import Predictor
from resformer_unet.preprocessing.slice_layout import choose_layout

PENALTY = 0.003  # on the squared weights; by leave-one-out on the training patients, of 0.0003, 0.001 and 0.003
RULE_TEXT = (
    "Logistic regression on volumes, ejection fractions and wall thickness, measured on the segmentations of "
    "the end-diastolic and the end-systolic image together."
)


def fit_patient_regression(cases: Sequence[Case], descriptor: Mapping, errors: np.ndarray | None = None) -> dict:
    """``patient_diagnosis`` of a descriptor, fitted on the reference masks of the cases.

    Args:
        cases: of the training split; a group with two masks is a patient, others do not count.
        descriptor: with ``input``, ``segmentation`` and ``diagnosis``.
        errors: of :func:`segmentation_errors`. Each patient is then fitted once with each of them, so that the
            regression does not rely on differences that the network's segmentations cannot resolve.

    Raises:
        EngineError: DATASET_INVALID without two patients of different diagnoses.
    """
    inputs, labels, names = patient_inputs(cases, descriptor)
    fitted_on = f"reference masks of the training split, {len(labels)} patients"
    if len(set(labels.tolist())) < 2:
        raise EngineError(
            "DATASET_INVALID",
            "There are not two patients of different diagnoses with masks of two images each.",
            "Give the images of a patient the same group in labels.csv.",
        )
    if errors is not None and len(errors):
        inputs = (inputs[:, None] + errors).reshape(-1, inputs.shape[1])
        labels = labels.repeat(len(errors))
        fitted_on += f", each with the segmentation errors of {len(errors)} patients of the validation split"
    mean, std = inputs.mean(0), np.maximum(inputs.std(0), 1e-3)
    weights, bias = _fit((inputs - mean) / std, labels, len(descriptor["diagnosis"]["classes"]))
    return {
        "rule_text": RULE_TEXT,
        "inputs": names,
        "mean": _rounded(mean),
        "std": _rounded(std),
        "weights": [_rounded(row) for row in weights],
        "bias": _rounded(bias),
        "fitted_on": fitted_on,
    }


def patient_inputs(cases: Sequence[Case], descriptor: Mapping) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Inputs (patients, inputs) of the regression, labels (patients,) and the names of the inputs."""
    diagnoses = [entry["id"] for entry in descriptor["diagnosis"]["classes"]]
    inputs, labels, names = [], [], []
    for pair in _patients(cases):
        if pair[0].label not in diagnoses:
            continue
        try:
            found = _inputs([mask_report(case, descriptor) for case in pair])
        except EngineError:  # a mask without one of the structures: the patient is left out
            continue
        names = list(found)
        inputs.append(list(found.values()))
        labels.append(diagnoses.index(pair[0].label))
    return np.array(inputs), np.array(labels, int), names


def segmentation_errors(cases: Sequence[Case], predictor: Predictor) -> np.ndarray:
    """Differences of the regression's inputs between the network's segmentations and the reference masks.

    Args:
        cases: that the network was not trained on; a group with two masks is a patient, others do not count.

    Returns:
        (patients, inputs); patients in whom either lacks a structure are left out.
    """
    errors = []
    for pair in _patients(cases):
        try:
            reference = _inputs([mask_report(case, predictor.bundle.descriptor) for case in pair])
            reports = [{**predictor.predict(read_case_image(case)).report, "case": case.id} for case in pair]
            predicted = _inputs(reports)
        except EngineError:
            continue
        errors.append([predicted[name] - value for name, value in reference.items()])
    return np.array(errors)


def _patients(cases: Sequence[Case]) -> list[list[Case]]:
    """The pairs of cases with masks that are of one group."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.mask:
            groups[case.group].append(case)
    return [group for group in groups.values() if len(group) == 2]


def _inputs(reports: Sequence[Mapping]) -> dict[str, float]:
    """Inputs of the regression from reports of both phases, in any order."""
    return regression_inputs(cardiac_function(*end_diastole_first(reports)))


def mask_report(case: Case, descriptor: Mapping) -> Mapping:
    """The part of a report that :func:`.cardiac_function` reads, from a reference mask in the model's slices."""
    image, segments, model_input = read_case_image(case), descriptor["segmentation"]["segments"], descriptor["input"]
    masks = read_case_segments(case, image, segments)
    layout = choose_layout(image, model_input["slice_axis"], model_input["orientation"])
    voxels = np.array([layout.stack(mask).sum((1, 2)) for mask in masks])  # (segments, slices)
    ids = [segment["id"] for segment in segments]
    return {
        "case": case.id,
        "segments": [
            {"id": name, "volume_mm3": float(count.sum() * voxel_mm3(image.affine))}
            for name, count in zip(ids, voxels, strict=True)
        ],
        "slices": [
            {"area_mm2": dict(zip(ids, (counts * layout.pixel_mm2(image)).tolist(), strict=True))}
            for counts in voxels.T
        ],
    }


def _fit(inputs: np.ndarray, labels: np.ndarray, diagnoses: int) -> tuple[np.ndarray, np.ndarray]:
    features, target = torch.from_numpy(inputs), torch.from_numpy(labels)
    weights = torch.zeros(inputs.shape[1], diagnoses, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(diagnoses, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(features @ weights + bias, target) + PENALTY * weights.pow(2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach().numpy(), bias.detach().numpy()


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in values]
