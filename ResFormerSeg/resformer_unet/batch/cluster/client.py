"""Prediction on several machines: the cases are sent to the workers of a Dask scheduler.

Dask's package ``distributed`` is the extra “cluster”; it is imported here, when a cluster is used.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet import __version__
from resformer_unet.batch.cases import BatchCase, Outcome
from resformer_unet.batch.cluster.job import ClusterJob, Unfit
from resformer_unet.batch.cluster.tasks import check_worker, predict_remotely
from resformer_unet.batch.leftovers import RENEWED_S, new_mark, remove_leftovers_of_killed
from resformer_unet.batch.run import run_cases
from resformer_unet.errors import Cancelled, EngineError, unexpected
from resformer_unet.inference.options import PredictOptions
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import find_model

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECTING_S = 15.0  # for the scheduler to reply, and then for the first worker to connect
WITHOUT_FIT_S = 60.0  # for a worker that can take the cases which others refused
CHECKING_S = 10.0  # how often the scheduler and the workers are checked while no case ends


def predict_files_on_cluster(
    address: str,
    inputs: Sequence[Path],
    model: str,
    output: Path,
    *,
    device: str = "auto",
    options: PredictOptions | None = None,
    series: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
    resume: bool = False,
) -> Iterator[Outcome]:
    """As :func:`.predict_files`, but workers predict the cases and write their files to the shared folder ``output``.

    Outcomes come as they are done. A case that a dead worker had begun is given to another. A case that Dask gives up
    because worker after worker dies with it is tried once more while nothing else runs, since a case beside it may have
    been the cause; if that fails too, it has failed with WORKERS_DIED. If the caller stops, the workers stop after the
    batch of slices under way.

    Args:
        address: of a Dask scheduler, such as ``tcp://host:8786``.
        progress: called with ("cases", cases done, cases in all).
        note: called with a sentence when the job waits because no worker is left.

    Raises:
        EngineError: CLUSTER_EXTRA_MISSING, CLUSTER_NOT_FOUND, CLUSTER_WITHOUT_WORKERS, CLUSTER_LOST; before the first
            case, those of :func:`.run_cases` and :func:`.unfit_reason`.
    """
    bundle = find_model(model)

    def predict_cases(cases: Sequence[BatchCase]) -> Iterator[Outcome]:
        with _connected(address) as client, _job(output, bundle, device, options) as job:
            _require_fit_workers(client, job)
            suspects: list[BatchCase] = []
            done = 0
            for alone in (False, True):
                for group in [[case] for case in suspects] if alone else [cases]:
                    for case, outcome in _run(client, group, job, "alone" if alone else "first", note):
                        if outcome is None and not alone:
                            suspects.append(case)
                            continue
                        done += 1
                        if progress:
                            progress("cases", done, len(cases))
                        yield outcome or Outcome(case.input, _workers_died(case), case.name)
            remove_leftovers_of_killed(job.output, job.output / job.mark)  # of workers that died while writing

    yield from run_cases(predict_cases, inputs, bundle, output, options, series, resume)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError as error:
        raise EngineError(
            "CLUSTER_EXTRA_MISSING",
            f"Work on several machines needs the package {error.name}, which is not installed.",
            "Get it with: pip install 'resformer-unet[cluster]'",
        ) from None
    try:
        client = Client(address, timeout=CONNECTING_S, set_as_default=False)
    except Exception as error:  # OSError, ValueError and others, by what is wrong with the address
        raise EngineError(
            "CLUSTER_NOT_FOUND",
            f"No Dask scheduler responds at {address} ({type(error).__name__}).",
            "Start one with “dask scheduler” and give the address that it prints, such as tcp://host:8786.",
        ) from error
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # this module reports a lost connection itself
    try:
        yield client
    finally:
        client.close()
        logger.setLevel(level)


@contextmanager
def _job(output: Path, bundle: ModelBundle, device: str, options: PredictOptions | None) -> Iterator[ClusterJob]:
    """A job that runs as long as its mark lies in the output folder."""
    output = output.resolve()
    sha256 = bundle.descriptor["weights"]["sha256"]
    try:
        mark = new_mark(output)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE", f"Nothing can be written to {output}: {error.strerror}.", "Choose another folder."
        ) from error
    try:
        yield ClusterJob(output, mark.name, bundle.folder.resolve(), bundle.id, sha256, __version__, device, options)
    finally:
        mark.unlink(missing_ok=True)


def _require_fit_workers(client: Client, job: ClusterJob) -> None:
    try:
        client.wait_for_workers(1, timeout=CONNECTING_S)
    except (TimeoutError, asyncio.TimeoutError):  # two before Python 3.11
        raise EngineError(
            "CLUSTER_WITHOUT_WORKERS",
            f"The Dask scheduler {client.scheduler.address} has no workers.",
            "Start one on each machine with: dask worker --nworkers 1 --nthreads 2 " + client.scheduler.address,
        ) from None
    for worker, reply in client.run(check_worker, job, on_error="return").items():
        if isinstance(reply, EngineError):
            raise reply
        if isinstance(reply, Exception) and not isinstance(reply, OSError):  # OSError: it has gone meanwhile
            raise EngineError(
                "MACHINE_DIFFERS",
                f"The worker {worker} cannot run resformer-unet ({type(reply).__name__}: {reply}).",
                f"Install resformer-unet {__version__} in the Python that the worker runs in.",
            )


def _run(
    client: Client, cases: Iterable[BatchCase], job: ClusterJob, attempt: str, note: Callable[[str], None] | None
) -> Iterator[tuple[BatchCase, Outcome | None]]:
    """Cases with their outcomes as they come; ``None`` where Dask gave up because workers died.

    Cases that come back from a worker which can take none of them go to the others, once there are any.
    """
    from distributed import KilledWorker

    finished: queue.SimpleQueue[Future] = queue.SimpleQueue()
    running: dict[str, tuple[BatchCase, Future]] = {}
    numbers, unfit, renewed = itertools.count(), set(), time.monotonic()
    refused: list[tuple[BatchCase, EngineError]] = []
    refused_since = math.inf

    def send(case: BatchCase, fit: list[str] | None = None) -> None:
        key = f"{case.name}-{job.mark}-{attempt}-{next(numbers)}"
        sent = replace(case, input=case.input.absolute())  # workers are in folders of their own
        where = {"workers": fit, "allow_other_workers": True} if fit else {}  # others, if all of these have died
        future = client.submit(predict_remotely, sent, job, key=key, pure=False, **where)
        running[key] = case, future
        future.add_done_callback(finished.put)

    try:
        for case in cases:
            send(case)
        while running or refused:
            if time.monotonic() - renewed > RENEWED_S:
                job.renew()
                renewed = time.monotonic()
            if refused and (fit := [address for address in _workers(client) if address not in unfit]):
                for case, _ in refused:
                    send(case, fit)
                refused = []
            elif refused and time.monotonic() - refused_since > WITHOUT_FIT_S:
                yield from ((case, Outcome(case.input, reason, case.name)) for case, reason in refused)
                refused = []
                continue
            try:
                future = finished.get(timeout=1.0 if refused else CHECKING_S)
            except queue.Empty:
                if not _workers(client) and note:
                    note("No worker is left; the job continues when the Dask scheduler has one again.")
                    note = None  # once is enough
                continue
            case, _ = running.pop(future.key)
            if future.cancelled():
                raise _lost()
            outcome = _outcome(future, case, job)
            if reason := _why_unfit(outcome):
                unfit |= _ran_on(client, future.key)
                refused_since = refused_since if refused else time.monotonic()
                refused.append((case, reason))
            elif isinstance(future.exception(), KilledWorker):
                yield case, None
            else:
                yield case, outcome
    finally:
        client.cancel([future for _, future in running.values()])


def _outcome(future: Future, case: BatchCase, job: ClusterJob) -> Outcome:
    error = future.exception()
    if error is None:
        return replace(future.result(), input=case.input)
    if isinstance(error, ImportError):  # on a worker without this package, or with one of another version
        return Unfit(case.input, _failure(error, job), case.name)
    return Outcome(case.input, _failure(error, job), case.name)


def _why_unfit(outcome: Outcome) -> EngineError | None:
    """Of a worker that can take no case; one of another version may say so in its own way."""
    error = outcome.result
    is_unfit = isinstance(outcome, Unfit) or (isinstance(error, EngineError) and error.code == "MACHINE_DIFFERS")
    return error if is_unfit else None


def _ran_on(client: Client, key: str) -> set[str]:
    """Addresses of the workers that ended a task; the function goes to a scheduler that may lack this package."""
    return client.run_on_scheduler(
        lambda dask_scheduler, key: (
            {*(dask_scheduler.tasks[key].erred_on or ())}
            | {worker.address for worker in dask_scheduler.tasks[key].who_has or ()}
        ),
        key=key,
    )


def _workers(client: Client) -> list[str]:
    """Raises ``EngineError``: CLUSTER_LOST."""
    try:
        if client.status == "running":
            return list(client.nthreads())
    except OSError:
        pass
    raise _lost()


def _failure(error: Exception, job: ClusterJob) -> EngineError:
    if isinstance(error, Cancelled):
        return EngineError(
            "FOLDER_NOT_SHARED",
            f"A worker that joined later cannot see the files in the output folder “{job.output}”.",
            "Give every machine the folder under the same path, and start again with --resume.",
        )
    return unexpected(error)


def _workers_died(case: BatchCase) -> EngineError:
    return EngineError(
        "WORKERS_DIED",
        f"Worker after worker died while it worked on “{case.input.name}”.",
        "Read the workers' logs; the image may be too large for their memory.",
    )


def _lost() -> EngineError:
    return EngineError(
        "CLUSTER_LOST",
        "The connection to the Dask scheduler was lost.",
        "Finished results are in the output folder; start again with --resume.",
    )
