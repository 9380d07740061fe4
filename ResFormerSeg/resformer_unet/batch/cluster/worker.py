"""What a Dask worker does for a cluster job: one case after another with a model that it loads once and keeps.

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
from resformer_unet.batch.cases import BatchCase, Outcome
from resformer_unet.batch.cluster.job import ClusterJob, Unfit
from resformer_unet.batch.run import predict_case
from resformer_unet.errors import Cancelled, EngineError, unexpected
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle, load_bundle
from resformer_unet.model.catalog import find_model

_images, _network = threading.BoundedSemaphore(2), threading.Lock()
_predictors: dict[tuple, Predictor] = {}  # the last one used


def unfit_reason(job: ClusterJob) -> EngineError | None:
    """Why this machine cannot take part in the job, or ``None``; called before the first case."""
    try:
        if not job.is_running():
            raise EngineError(
                "FOLDER_NOT_SHARED",
                f"{socket.gethostname()} cannot see the files in the output folder “{job.output}”.",
                "Choose an output folder that every machine has under the same path; the same holds for the images.",
            )
        with _network:
            _predictor(job)  # loaded here, before the first case needs it
    except Exception as error:
        return _as_engine_error(error)
    return None


def predict_on_worker(case: BatchCase, job: ClusterJob) -> Outcome:
    """Read, predict and write one case.

    The files are written here, to the shared folder, and not sent to the client: images come from shared folders too,
    masks need not pass through another process, and finished results remain if the client is lost. A case that is run
    twice, because a worker died before it could reply, has the same name and the same files both times.

    Raises:
        Cancelled: the job has ended, or its folder is not shared with this machine.
    """
    if not job.is_running():
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
                return Unfit(case.input, _as_engine_error(error), case.name)
            outcome = predict_case(
                case, reading, predictor, job.output, job.options, cancelled=lambda: not job.is_running()
            )
    if isinstance(outcome.result, EngineError) and outcome.result.__cause__:  # which does not travel
        logging.getLogger(__name__).error("%s", case.input, exc_info=outcome.result.__cause__)
    return outcome


def _predictor(job: ClusterJob) -> Predictor:
    """Loaded once and kept as long as jobs ask for the same."""
    wanted = (job.model, job.id, job.sha256, job.version, job.device)
    if wanted not in _predictors:
        _predictors.clear()
        _predictors[wanted] = Predictor(_find_model(job), job.device)
    return _predictors[wanted]


def _find_model(job: ClusterJob) -> ModelBundle:
    """The job's model as this machine has it.

    Raises:
        EngineError: MACHINE_DIFFERS, and those of :func:`.find_model`.
    """
    machine = socket.gethostname()
    if job.version != __version__:
        raise EngineError(
            "MACHINE_DIFFERS",
            f"{machine} has resformer-unet {__version__}; the client has {job.version}.",
            "Install the same version on every machine.",
        )
    bundle = load_bundle(job.model) if job.model.is_dir() else find_model(job.id)
    if bundle.descriptor["weights"]["sha256"] != job.sha256:
        raise EngineError(
            "MACHINE_DIFFERS",
            f"The model {job.id} on {machine} has other weights than on the client's machine.",
            "Put the same model on every machine, or into a folder that all share.",
        )
    return bundle


def _as_engine_error(error: Exception) -> EngineError:
    return error if isinstance(error, EngineError) else unexpected(error)
