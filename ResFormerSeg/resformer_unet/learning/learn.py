"""Trains a model further on a training set, into a new model; pauses by ending, and goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from resformer_unet.data.dataset import load_dataset
from resformer_unet.data.dataset_digest import dataset_digest
from resformer_unet.errors import EngineError
from resformer_unet.learning.further_recipe import further_recipe
from resformer_unet.learning.readiness import no_test_case_text, why_not_ready
from resformer_unet.learning.run_state import STATE, LearningState, read_state
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import find_model
from resformer_unet.training.setup.options import TrainOptions
from resformer_unet.training.setup.run_folder import LOCK, run_folder, running
from resformer_unet.training.setup.run_record import RECORD
from resformer_unet.training_set.contents import CollectedCase, list_cases

WORKERS = "workers"
OPTIONS = ("epochs", "batch_size", "learning_rate", "seed", WORKERS)  # of TrainOptions


def learn(
    dataset: str | Path,
    output: str | Path,
    initial: str,
    options: TrainOptions,
    device: str = "auto",
    progress: Callable[[str, int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> ModelBundle:
    """Train the model further and write the new one to ``output``, which must not exist yet.

    Args:
        initial: id or folder of the model.
        options: ``OPTIONS`` of them are used; with ``resume`` those of the interrupted training are, and others are
            refused, but for the number of workers, which changes nothing.

    Raises:
        EngineError: OUTPUT_EXISTS, NOTHING_TO_RESUME, RUN_DIFFERS, TRAINING_SET_CHANGED, TRAINING_RUNNING, those of
            :func:`.why_not_ready` and of :func:`.train`.
    """
    output = Path(output).resolve()
    cases = list_cases(dataset)
    if note is not None and (text := no_test_case_text(cases)):
        note(text)
    if options.resume:
        state = _resumed(output, dataset, initial, options, cases)
    else:
        state = _begun(output, dataset, initial, options, cases)
    with running(output, note):
        if not options.resume:
            _refuse_taken(output)  # another program may have been quicker
            state.save()
        try:
            bundle = _train(state, output, cases, device, progress, note)
        except EngineError:
            if not (state.work / RECORD).exists():  # it was refused: nothing is there to go on with
                (state.work / STATE).unlink(missing_ok=True)
            raise
        state.as_finished().save()
    return bundle


def check_can_learn(dataset: str | Path, initial: str) -> tuple[list[CollectedCase], ModelBundle]:
    """The cases and the model; raises the errors of :func:`.why_not_ready` and of :func:`.find_model`."""
    cases, bundle = list_cases(dataset), find_model(initial)
    if (problem := why_not_ready(cases, bundle.descriptor)) is not None:
        raise problem
    return cases, bundle


def _begun(
    output: Path, dataset: str | Path, initial: str, options: TrainOptions, cases: list[CollectedCase]
) -> LearningState:
    check_can_learn(dataset, initial)
    chosen = {name: getattr(options, name) for name in OPTIONS}
    names = tuple(sorted(case.id for case in cases))
    data = dataset_digest(load_dataset(dataset))
    state = LearningState(str(Path(dataset).resolve()), str(output), initial, chosen, names, data=data)
    _refuse_taken(output)
    return state


def _refuse_taken(output: Path) -> None:
    """Raises ``EngineError`` OUTPUT_EXISTS. A training that was refused leaves no more than its lock."""
    work = run_folder(output)
    if output.exists() or (work.is_dir() and any(entry.name != LOCK for entry in work.iterdir())):
        raise EngineError(
            "OUTPUT_EXISTS",
            f"There is a model or a training named “{output.name}” already.",
            "Give another name, or go on with that training.",
        )


def _resumed(
    output: Path, dataset: str | Path, initial: str, options: TrainOptions, cases: list[CollectedCase]
) -> LearningState:
    state = read_state(output)
    if state is None or state.finished:
        raise EngineError(
            "NOTHING_TO_RESUME", f"There is no interrupted training into “{output}”.", "Start a new training."
        )
    if initial != state.initial:
        raise EngineError(
            "RUN_DIFFERS",
            f"The interrupted training began with the model {state.initial}, not {initial}.",
            "Give the same model as before, or start a new training.",
        )
    given = {name: value for name in OPTIONS if (value := getattr(options, name)) is not None}
    if other := [name for name, value in given.items() if name != WORKERS and value != state.options.get(name)]:
        raise EngineError(
            "RUN_DIFFERS",
            f"The interrupted training was started with other settings: {', '.join(other)}.",
            "Give the same settings as before, or none, or start a new training.",
        )
    # A case may have gone, and another one have come under its name; or its split, diagnosis or mask is another now.
    changed = set(state.cases) != {case.id for case in cases}
    if changed or (state.data is not None and state.data != dataset_digest(load_dataset(dataset))):
        raise EngineError(
            "TRAINING_SET_CHANGED",
            "Cases of the training set were added, removed or changed since this training began.",
            "Start a new training with the cases as they are now.",
        )
    options_now = {**state.options, **{name: value for name, value in given.items() if name == WORKERS}}
    return replace(state, dataset=str(Path(dataset).resolve()), options=options_now)


def _train(
    state: LearningState,
    output: Path,
    cases: list[CollectedCase],
    device: str,
    progress: Callable[[str, int, int], None] | None,
    note: Callable[[str], None] | None,
) -> ModelBundle:
    from resformer_unet.training.train import train

    bundle = find_model(state.initial)
    options = dict(state.options)
    workers = options.pop(WORKERS, None)
    recipe = further_recipe(bundle, sum(case.split == "train" for case in cases), **options)
    return train(
        state.dataset,
        output,
        recipe,
        device=device,
        workers=workers,
        resume=(state.work / RECORD).exists(),
        initial=bundle,
        progress=progress,
        note=note,
        holds_lock=True,
    )
