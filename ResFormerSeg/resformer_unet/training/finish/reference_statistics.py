"""Statistics of the training images' features, for out-of-distribution detection."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from resformer_unet.data.dataset import Case, read_case_image, without_groups_of
from resformer_unet.data.splits import Splits
from resformer_unet.inference.out_of_distribution import fit_out_of_distribution
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import CARD, GRAPH, load_bundle
from resformer_unet.model.saving import save_bundle
from resformer_unet.model.weights import load_weights
from resformer_unet.training.input.acquisition import varied_acquisition

MOST_CASES = 600  # of a split that are used; more change little


def reference_statistics(
    predictor: Predictor,
    train: Sequence[Case],
    val: Sequence[Case],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict | None, dict[str, Tensor]]:
    """The descriptor's entry ``out_of_distribution`` and its tensors; ``None`` and none without enough cases.

    Every other case is varied as if another device had acquired it, lest every image from another source than the
    training set is out of distribution.

    Args:
        predictor: of the trained model.
        train, val: cases of the two splits, of which at most 600 each, evenly chosen, are used.
        progress: called with (cases done, cases in all).
    """
    train, val = _evenly(train), _evenly(without_groups_of(val, train))
    if not train or not val:
        return None, {}
    features, random = [], np.random.default_rng(0)
    for index, case in enumerate((*train, *val)):
        image = read_case_image(case)
        features.append(predictor.encoder_features(varied_acquisition(image, random) if index % 2 else image))
        if progress:
            progress(len(features), len(train) + len(val))
    known = np.concatenate(features[: len(train)])
    if len(known) < 2:
        return None, {}
    fitted = fit_out_of_distribution(known, features[len(train) :])
    fitted_on = (
        f"training split, {len(known)} slices; threshold on the validation split, {len(val)} cases; half of them varied"
    )
    return fitted.described(fitted_on), fitted.tensors()


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
