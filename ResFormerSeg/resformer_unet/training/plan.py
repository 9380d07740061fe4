"""What is trained on what: the splits of a data set, and the descriptor and network of the model to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.dataset_digest import dataset_digest
from resformer_unet.data.draft_descriptor import draft_descriptor
from resformer_unet.data.masks import names_by_value
from resformer_unet.data.splits import Splits
from resformer_unet.inference.backends.devices import describe_device
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.training.finish.patient_regression import fit_patient_regression
from resformer_unet.training.setup.description import check_recipe, described, network_config
from resformer_unet.training.setup.distributed_context import DistributedContext
from resformer_unet.training.setup.initial_weights import InitialWeights
from resformer_unet.training.setup.recipe import Recipe

DEFAULT_SIZE = (192, 192)  # rows and columns of the network's input


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that is settled before a training begins; nothing was written for it.

    Attributes:
        recipe: with the network's structure of ``initial`` where there is one.
        descriptor: of the model, but for what the training measures.
        data: of :func:`.dataset_digest`; ``None`` in all processes but rank 0.
    """

    splits: Splits
    recipe: Recipe
    descriptor: dict
    config: NetworkConfig
    initial: ModelBundle | None
    data: str | None


def plan_training(
    dataset: str | Path,
    name: str,
    recipe: Recipe,
    size: tuple[int, int] | None,
    initial: ModelBundle | None,
    device: torch.device,
    context: DistributedContext,
    progress: Callable[[str, int, int], None],
    note: Callable[[str], None],
) -> TrainingPlan:
    """Check recipe and data set, and describe the model.

    Args:
        name: of the model's folder.

    Raises:
        EngineError: for a recipe or a data set that cannot be used.
    """
    if initial:
        recipe = InitialWeights.with_structure_of(initial, recipe)
    check_recipe(recipe)
    known_values, known_segments = None, {}
    if context.first:
        report = check_data(dataset, recipe.descriptor, progress)
        for line in report.table():
            note(line)
        report.raise_first_error()
        known_values, known_segments = report.mask_values, report.mask_segments
    splits = Splits.load(dataset)
    size = size or (tuple(initial.descriptor["input"]["size"]) if initial and not recipe.descriptor else None)
    descriptor = recipe.descriptor
    if descriptor is None:
        values = known_values and set().union(*(known_values.get(case.id, ()) for case in splits.train))
        names = names_by_value(known_segments.get(case.id, ()) for case in splits.train)
        descriptor = draft_descriptor(name, splits.train, size or DEFAULT_SIZE, values, names)
    if size:
        descriptor = {**descriptor, "input": {**descriptor["input"], "size": list(size)}}
    config = network_config(descriptor, recipe)
    splits.check_labels(descriptor)
    data, on = Path(dataset).resolve().name, describe_device(device)
    descriptor = described(descriptor, config, recipe, on, data, name, len(splits.train), initial)
    if recipe.cardiac_diagnosis:
        descriptor["patient_diagnosis"] = fit_patient_regression(splits.train, descriptor)
    digest = dataset_digest([*splits.train, *splits.val, *splits.test]) if context.first else None
    return TrainingPlan(splits, recipe, descriptor, config, initial, digest)
