"""How long a training will take on this computer, from a few steps of it on some of the cases."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.data.dataset import Case, load_dataset, read_case_image
from resformer_unet.data.splits import Splits
from resformer_unet.learning.further_recipe import further_recipe
from resformer_unet.learning.learn import check_can_learn
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.preprocessing.prepare import prepare_image
from resformer_unet.training.setup.options import TrainOptions
from resformer_unet.training.setup.recipe import Recipe
from resformer_unet.training_set.contents import write_rows

MEASURED_STEPS, MEASURED_SECONDS = 5, 20.0  # whichever comes first; the first step is not measured
MOST_CASES = 8
PREDICTION = 0.4  # seconds of a slice in prediction, relative to training, which also goes backwards
EXPORT_SECONDS = 10.0


@dataclass(frozen=True)
class TimeEstimate:
    """seconds: of the whole training. epochs, steps: of it. step_seconds: measured."""

    seconds: float
    epochs: int
    steps: int
    step_seconds: float


class _Measured(Exception):
    """Ends the training: enough steps were seen."""


class _Clock:
    """Notes when each task of a training made progress; called as its ``progress``."""

    def __init__(self, notify: Callable[[int, int], None]) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self._notify = notify

    def __call__(self, what: str, done: int, total: int) -> None:
        times = self.times[what]
        times.append(time.perf_counter())
        if what == "training":
            self._notify(min(len(times), MEASURED_STEPS + 1), MEASURED_STEPS + 1)
            if len(times) > MEASURED_STEPS or (len(times) > 1 and times[-1] - times[0] > MEASURED_SECONDS):
                raise _Measured

    def seconds(self, what: str) -> float:
        """Of one step of a task; its first step is left out, as it also warms up."""
        times = self.times[what]
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0


def estimate_time(
    dataset: str | Path,
    initial: str,
    options: TrainOptions,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> TimeEstimate:
    """Measured on at most eight cases and five steps of their training; nothing is written beside the data set.

    Raises:
        EngineError: those of :func:`.check_can_learn` and of :func:`.train`.
    """
    begun = time.perf_counter()
    from resformer_unet.training.train import train

    cases, bundle = check_can_learn(dataset, initial)
    changes = {name: getattr(options, name) for name in ("batch_size", "learning_rate", "seed")}
    recipe = further_recipe(bundle, len(cases), options.epochs, **changes)
    splits = Splits.of(load_dataset(dataset), dataset)
    sample = _sample(splits)
    clock = _Clock(progress or (lambda done, total: None))
    with tempfile.TemporaryDirectory(prefix="resformer-unet-") as folder:
        data = Path(folder) / "data"
        _copy(sample, data)
        started = time.perf_counter()
        try:
            # So many that even epochs of one step give enough. The sample need not hold both phases of a heart.
            few = recipe.changed(epochs=MEASURED_STEPS + 1, cardiac_diagnosis=False)
            train(
                data,
                Path(folder) / "model",
                few,
                device=device,
                workers=options.workers,
                initial=bundle,
                progress=clock,
            )
        except _Measured:
            pass
    reading = clock.seconds("checking the data") + clock.seconds("reading training images")
    return _estimate(splits, recipe, clock.seconds("training"), reading, _slices(sample, bundle), started - begun)


def _estimate(
    splits: Splits, recipe: Recipe, step: float, reading: float, slices: Sequence[int], startup: float
) -> TimeEstimate:
    """slices: of the training cases of the sample."""
    a_case = sum(slices) / len(slices)
    total = a_case * len(splits.train)
    measured_batch = min(max(2, recipe.batch_size), max(1, sum(slices)))
    batch = min(max(2, recipe.batch_size), max(1.0, total))
    a_slice = step / measured_batch
    steps = recipe.epochs * max(1, int(total // batch))
    forward = PREDICTION * a_slice * a_case
    scored = len(splits.val) + len(splits.test)
    every = len(splits.train) + scored
    seconds = startup + reading * every + steps * a_slice * batch
    seconds += recipe.epochs * len(splits.val) * forward + (every + scored) * (reading + forward) + EXPORT_SECONDS
    return TimeEstimate(seconds, recipe.epochs, steps, step)


def _sample(splits: Splits) -> list[Case]:
    """A training case of each class, more of them up to ``MOST_CASES``, and a validation case."""
    first = list({case.label: case for case in reversed(splits.train)}.values())
    others = [case for case in splits.train if case not in first]
    return [*first, *others[: max(0, MOST_CASES - len(first))], splits.val[0]]


def _copy(cases: Sequence[Case], folder: Path) -> None:
    rows = []
    for case in cases:
        for kind, file in (("images", case.image), ("masks", case.mask)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            if file is not None:
                copy = shutil.copytree if file.is_dir() else shutil.copyfile
                copy(file, folder / kind / file.name)
        # Each for itself: a group that is in both splits would leave one of them empty.
        split = "val" if case is cases[-1] else "train"
        rows.append({"id": case.id, "label": case.label or "", "split": split, "group": case.id})
    write_rows(folder, rows)


def _slices(sample: Sequence[Case], bundle: ModelBundle) -> list[int]:
    return [len(prepare_image(read_case_image(case), bundle.descriptor["input"])) for case in sample[:-1]]
