"""What a Dask worker does for a bigger job: one case after another with a model that it loads once and keeps.

Runs in the worker's process and needs nothing of Dask. A worker with several threads reads with one while the network
works for another; however many it has, two images are in memory at most, and one is in the network.
"""

from __future__ import annotations

import logging
import socket
import threading
from concurrent.futures import Future

from resformer_unet import __version__
from resformer_unet.batch.case_files import read_case
from resformer_unet.batch.cases import Case, Outcome
from resformer_unet.batch.cluster.job import Job
from resformer_unet.batch.run import attempt
from resformer_unet.errors import Cancelled, EngineError, unexpected
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle, load_bundle
from resformer_unet.model.catalog import find_model

_images, _network = threading.BoundedSemaphore(2), threading.Lock()
_predictors: dict[tuple, Predictor] = {}  # the last one used


def why_unfit(job: Job) -> EngineError | None:
    """What keeps this machine from doing the job's work; asked before the first case."""
    try:
        if not job.goes_on():
            raise EngineError(
                "FOLDER_NOT_SHARED",
                f"{socket.gethostname()} does not see what is in the output folder “{job.output}”.",
                "Choose a folder that every machine sees under the same path, and images likewise.",
            )
        with _network:
            _predictor(job)  # and with it the first case finds its model loaded
    except Exception as error:
        return _told(error)
    return None


def predict_on_worker(case: Case, job: Job) -> Outcome:
    """Read, predict and write one case.

    The files are written here, to the shared folder, and not sent to the client: images come from shared folders too,
    masks need not pass through anyone else's memory, and what is done stays done if the client is lost. A case that
    is run twice, because a worker died before it could answer, has the same name and the same files both times.

    Raises:
        Cancelled: the job has ended, or this machine never saw it.
    """
    if not job.goes_on():
        raise Cancelled
    with _images:
        reading: Future = Future()
        try:
            reading.set_result(read_case(case))
        except Exception as error:
            reading.set_exception(error)
        with _network:
            try:
                predictor = _predictor(job)
            except Exception as error:
                return Outcome(case.input, _told(error), case.name)
            outcome = attempt(case, reading, predictor, job.output, job.options, cancelled=lambda: not job.goes_on())
    if isinstance(outcome.result, EngineError) and outcome.result.__cause__:  # which does not travel
        logging.getLogger(__name__).error("%s", case.input, exc_info=outcome.result.__cause__)
    return outcome


def _predictor(job: Job) -> Predictor:
    """Loaded once and kept as long as jobs ask for the same."""
    wanted = (job.model, job.id, job.sha256, job.version, job.device)
    if wanted not in _predictors:
        _predictors.clear()
        _predictors[wanted] = Predictor(_find_model(job), job.device)
    return _predictors[wanted]


def _find_model(job: Job) -> ModelBundle:
    """The job's model as this machine has it.

    Raises:
        EngineError: MACHINE_DIFFERS, and those of :func:`.find_model`.
    """
    machine = socket.gethostname()
    if job.version != __version__:
        raise EngineError(
            "MACHINE_DIFFERS",
            f"{machine} has resformer-unet {__version__}; the job was begun with {job.version}.",
            "Install the same version on every machine.",
        )
    bundle = load_bundle(job.model) if job.model.is_dir() else find_model(job.id)
    if bundle.descriptor["weights"]["sha256"] != job.sha256:
        raise EngineError(
            "MACHINE_DIFFERS",
            f"The model {job.id} on {machine} has other weights than the job's.",
            "Put the same model on every machine, or into a folder that all share.",
        )
    return bundle


def _told(error: Exception) -> EngineError:
    return error if isinstance(error, EngineError) else unexpected(error)
