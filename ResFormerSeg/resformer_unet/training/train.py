"""One run from a data set to a model bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from resformer_unet.atomic_files import atomic_file
from resformer_unet.evaluation.report_card.page import check_packages
from resformer_unet.inference.backends.devices import choose_device
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.training.finish.finish_bundle import finish_bundle
from resformer_unet.training.fitting import fit
from resformer_unet.training.loop.checkpoints import BEST, load_checkpoint, network_weights
from resformer_unet.training.loop.curves import PICTURE
from resformer_unet.training.plan import plan_training
from resformer_unet.training.setup.distributed_context import DistributedContext
from resformer_unet.training.setup.recipe import Recipe
from resformer_unet.training.setup.run_folder import refuse_if_running, refuse_other_folder, run_folder, running
from resformer_unet.training.setup.run_record import begin_run, check_record


def train(
    dataset: str | Path,
    output: str | Path,
    recipe: Recipe,
    *,
    device: str = "auto",
    size: tuple[int, int] | None = None,
    precision: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    stress: bool = False,
    initial: ModelBundle | None = None,
    holds_lock: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> ModelBundle | None:
    """Train, choose the best epoch by validation, calibrate, evaluate on the test split and write the bundle.

    Checkpoints, metrics of each epoch (``metrics.csv``, and TensorBoard's where that is installed) and learning curves
    are written to ``<output>.training``; the folder may be deleted afterwards. One training at a time writes there: it
    holds the lock of :func:`.running`. Of several processes that ``torchrun`` started, only rank 0 takes the lock,
    writes files and reports progress.

    Args:
        output: the bundle's folder; the letters and digits of its name become the model's id.
        size: (height, width) of the network's input, in place of the descriptor's.
        precision: as in Lightning's trainer; ``None`` or ``auto``: see :func:`.fast_precision`.
        workers: processes that load and augment images, see :func:`.make_loaders`.
        resume: continue after the last complete epoch of an interrupted run with the same settings and data.
        stress: evaluate under shifts too, see :func:`.stress_test`.
        initial: model for the initialisation: its network structure, and its weights wherever they fit.
        holds_lock: whether the caller holds :func:`.running` already, because it writes there too.
        progress: called with (what is being done, done, total).
        note: called with a line of text, for instance the metrics of an epoch.

    Returns:
        The bundle; ``None`` in all processes but rank 0.

    Raises:
        EngineError: TRAINING_RUNNING; OUTPUT_EXISTS for a folder of other files; TRAINING_EXTRA_MISSING; for a data
            set, recipe, device or output that cannot be used, before the training begins where that can be known;
            TRAINING_DIVERGED or DISK_FULL during it.
    """
    output = Path(output).resolve()
    work = run_folder(output)
    context = DistributedContext.from_environment()
    progress = progress if progress and context.first else (lambda what, done, total: None)
    note = note if note and context.first else (lambda line: None)
    if context.first:
        check_packages()  # of the report cards, which come last
    locks = context.first and not holds_lock
    if locks:
        refuse_other_folder(output)
        refuse_if_running(output)  # before the data set is read, which may take minutes
    torch_device = choose_device(device)
    plan = plan_training(dataset, output.name, recipe, size, initial, torch_device, context, progress, note)
    if resume:
        check_record(work, plan.descriptor, plan.data, precision)
    with running(output, note) if locks else nullcontext():
        if context.first and not resume and (earlier := begin_run(work, plan.descriptor, plan.data, precision)):
            note(f"The files of an earlier training were moved to {earlier}; delete them if they are not needed.")
        fitted = fit(plan, work, torch_device, precision, workers, resume, context, progress, note)
        if not context.first:
            return None
        if fitted.utilisation is not None:
            name = "CPU" if torch_device.type == "cpu" else "GPU"
            note(f"{name} utilisation {fitted.utilisation:.0%}; the rest of the time was waiting for images.")
        descriptor = {**plan.descriptor, "training": {**plan.descriptor["training"], "seconds": round(fitted.seconds)}}
        trained = network_weights(load_checkpoint(work / BEST))
        evaluated = {"val": plan.splits.val, "test": plan.splits.test}
        bundle = finish_bundle(output, descriptor, trained, evaluated, device, progress, plan.splits.train, stress)
        if (work / PICTURE).exists():
            with atomic_file(bundle.folder / PICTURE) as copy:
                shutil.copyfile(work / PICTURE, copy)
        return bundle
