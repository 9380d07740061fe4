"""Statistics of the training images' features and of the validation cases, for out-of-distribution detection."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from resformer_unet.data.dataset import Case, read_case_image, without_groups_of
from resformer_unet.data.splits import Splits
from resformer_unet.inference.out_of_distribution import ImageSigns, OutOfDistributionDetector, fit_distribution
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import CARD, GRAPH, load_bundle
from resformer_unet.model.saving import save_bundle
from resformer_unet.model.weights import load_weights

FEW_GROUPS = 10  # validation patients; fewer do not tell how much patients differ, as the eye of a single one
FOLDS = 10  # of the training groups
MOST_CASES = 600  # of a split that are used; more change little

Encoded = tuple[np.ndarray, np.ndarray]  # of a case, see Predictor.encoder_features


def reference_statistics(
    predictor: Predictor,
    train: Sequence[Case],
    val: Sequence[Case],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict | None, dict[str, Tensor]]:
    """The descriptor's entry ``out_of_distribution`` and its tensors; ``None`` and none without enough cases.

    Args:
        predictor: of the trained model.
        train, val: cases of the two splits, of which at most 600 each, evenly chosen, are used.
        progress: called with (cases done, cases in all).
    """
    train, val = _evenly(train), _evenly(without_groups_of(val, train))
    if not train or not val:
        return None, {}
    found = []
    for case in (*train, *val):
        found.append(predictor.encoder_features(read_case_image(case)))
        if progress:
            progress(len(found), len(train) + len(val))
    of_train, of_val = found[: len(train)], found[len(train) :]
    known = _features(of_train)
    if len(known) < 2:
        return None, {}
    fitted = fit_distribution(known)
    signs = _signs(fitted, of_val)
    fitted_on = f"training split, {len(known)} slices; threshold on the validation split, {len(val)} cases"
    if len({case.group for case in val}) < FEW_GROUPS:
        signs += _held_out_signs(of_train, [case.group for case in train])
        fitted_on += ", and on the training split by leaving out groups"
    fitted = fitted.with_threshold(signs)
    return fitted.described(fitted_on), fitted.tensors()


def _features(cases: Sequence[Encoded]) -> np.ndarray:
    """Of all slices in the network's own orientation, that of volumes, which are not seen transposed too."""
    return np.concatenate([features[0] for features, _ in cases])


def _signs(fitted: OutOfDistributionDetector, cases: Sequence[Encoded]) -> list[ImageSigns]:
    return [ImageSigns.of_slices(fitted.slice_distances(features), overlaps) for features, overlaps in cases]


def _held_out_signs(cases: Sequence[Encoded], groups: Sequence[str]) -> list[ImageSigns]:
    """Signs of the training cases by distributions that were fitted without their groups; none of a single group."""
    names = list(dict.fromkeys(groups))
    fold = {name: index % min(FOLDS, len(names)) for index, name in enumerate(names)}
    found = []
    for number in sorted(set(fold.values())):
        inside, outside = (
            [case for case, group in zip(cases, groups, strict=True) if (fold[group] == number) is held]
            for held in (False, True)
        )
        if inside and len(known := _features(inside)) > 1:
            found += _signs(fit_distribution(known), outside)
    return found


def add_reference_statistics(
    folder: str | os.PathLike, dataset: str | os.PathLike, device: str = "auto"
) -> Mapping[str, object]:
    """Give a trained model an out-of-distribution detector; its network's weights and its card stay as they are.

    Args:
        folder: of the model; it is replaced whole or not at all.
        dataset: that the model was trained on.

    Returns:
        The descriptor's new entry.

    Raises:
        EngineError: those of :func:`.load_bundle`, :func:`.save_bundle`, :func:`.load_dataset`.
    """
    bundle, splits = load_bundle(folder), Splits.load(dataset)
    described, tensors = reference_statistics(Predictor(bundle, device), splits.train, splits.val)
    descriptor = {key: value for key, value in bundle.descriptor.items() if key not in ("weights", GRAPH)}
    card = (bundle.folder / CARD).read_text("utf-8")
    written = save_bundle(
        folder, {**descriptor, "out_of_distribution": described}, {**load_weights(bundle), **tensors}, card
    )
    if GRAPH in bundle.descriptor:  # its tensors have moved within the weights file
        from resformer_unet.training.finish.onnx_export import add_exported_graph

        add_exported_graph(written)
    return described


def _evenly(cases: Sequence[Case]) -> list[Case]:
    chosen = np.linspace(0, len(cases) - 1, min(MOST_CASES, len(cases))).round().astype(int)
    return [cases[index] for index in chosen]
