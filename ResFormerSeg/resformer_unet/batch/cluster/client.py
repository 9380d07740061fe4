"""A bigger job on several machines: the cases go to the workers of a Dask scheduler.

Dask's package ``distributed`` is the extra “cluster”; it is imported here and only when a job wants it.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet import __version__
from resformer_unet.atomic_files import remove_leftovers
from resformer_unet.batch.cases import Case, Outcome
from resformer_unet.batch.cluster.job import Job, ask_whether_fit, do_case
from resformer_unet.errors import Cancelled, EngineError, unexpected
from resformer_unet.inference.options import PredictOptions
from resformer_unet.model.bundle import ModelBundle

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECTING_S = 15.0  # for the scheduler to answer, and then for the first worker to be there
LOOKING_S = 10.0  # how often it is looked whether scheduler and workers are still there while nothing happens


def predict_on_cluster(
    address: str,
    cases: Sequence[Case],
    bundle: ModelBundle,
    output: Path,
    device: str = "auto",
    options: PredictOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> Iterator[Outcome]:
    """Have each case predicted by a worker, which writes its files to the shared folder ``output``.

    Outcomes come as they are done. What a dead worker had begun is done by another. A case that Dask gives up because
    worker after worker dies with it is tried once more while nothing else runs, since a case beside it may have been
    the cause; if that fails too, it has failed with WORKERS_DIED. If the caller stops, the workers stop after the
    batch of slices that they are at.

    Args:
        address: of a Dask scheduler, such as ``tcp://host:8786``.
        progress: called with ("cases", done, in all).
        note: called with a sentence when the job waits because no worker is left.

    Raises:
        EngineError: CLUSTER_EXTRA_MISSING, CLUSTER_NOT_FOUND, CLUSTER_WITHOUT_WORKERS, CLUSTER_LOST; before the first
            case, those of :func:`.why_unfit`.
    """
    with _connected(address) as client, _job(output, bundle, device, options) as job:
        _require_fit_workers(client, job)
        suspects: list[Case] = []
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
        remove_leftovers(output)  # of workers that died while writing


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
            f"No Dask scheduler answers at {address} ({type(error).__name__}).",
            "Start one with “dask scheduler” and give the address that it tells, such as tcp://host:8786.",
        ) from error
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # what matters of a lost connection is said by this module
    try:
        yield client
    finally:
        client.close()
        logger.setLevel(level)


@contextmanager
def _job(output: Path, bundle: ModelBundle, device: str, options: PredictOptions | None) -> Iterator[Job]:
    """A job that goes on as long as its mark lies in the output folder."""
    output = output.resolve()
    mark = output / f".{uuid.uuid4().hex}.job"
    sha256 = bundle.descriptor["weights"]["sha256"]
    try:
        mark.touch(exist_ok=False)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE", f"Nothing can be written to {output}: {error.strerror}.", "Choose another folder."
        ) from error
    try:
        yield Job(output, mark.name, bundle.folder.resolve(), bundle.id, sha256, __version__, device, options)
    finally:
        mark.unlink(missing_ok=True)


def _require_fit_workers(client: Client, job: Job) -> None:
    try:
        client.wait_for_workers(1, timeout=CONNECTING_S)
    except (TimeoutError, asyncio.TimeoutError):  # two before Python 3.11
        raise EngineError(
            "CLUSTER_WITHOUT_WORKERS",
            f"The Dask scheduler {client.scheduler.address} has no workers.",
            "Start one on each machine with: dask worker --nworkers 1 --nthreads 2 " + client.scheduler.address,
        ) from None
    for worker, answer in client.run(ask_whether_fit, job, on_error="return").items():
        if isinstance(answer, EngineError):
            raise answer
        if isinstance(answer, Exception) and not isinstance(answer, OSError):  # OSError: it has left meanwhile
            raise EngineError(
                "MACHINE_DIFFERS",
                f"The worker {worker} cannot run resformer-unet ({type(answer).__name__}: {answer}).",
                f"Install resformer-unet {__version__} in the Python that the worker runs in.",
            )


def _run(
    client: Client, cases: Iterable[Case], job: Job, attempt: str, note: Callable[[str], None] | None
) -> Iterator[tuple[Case, Outcome | None]]:
    """Cases with their outcomes as they come; ``None`` where Dask gave up because workers died."""
    from distributed import KilledWorker

    finished: queue.SimpleQueue[Future] = queue.SimpleQueue()
    running: dict[str, tuple[Case, Future]] = {}
    try:
        for number, case in enumerate(cases):
            key = f"{case.name}-{job.mark}-{attempt}-{number}"
            sent = replace(case, input=case.input.absolute())  # workers are in folders of their own
            future = client.submit(do_case, sent, job, key=key, pure=False)
            running[key] = case, future
            future.add_done_callback(finished.put)
        while running:
            try:
                future = finished.get(timeout=LOOKING_S)
            except queue.Empty:
                if not _workers(client) and note:
                    note("No worker is left; the job goes on when the Dask scheduler has one again.")
                    note = None  # once is enough
                continue
            case, _ = running.pop(future.key)
            if future.cancelled():
                raise _lost()
            error = future.exception()
            if error is None:
                yield case, replace(future.result(), input=case.input)
            elif isinstance(error, KilledWorker):
                yield case, None
            else:
                yield case, Outcome(case.input, _seen_from_here(error, job), case.name)
    finally:
        client.cancel([future for _, future in running.values()])


def _workers(client: Client) -> int:
    """Raises ``EngineError``: CLUSTER_LOST."""
    try:
        if client.status == "running":
            return len(client.nthreads())
    except OSError:
        pass
    raise _lost()


def _seen_from_here(error: Exception, job: Job) -> EngineError:
    if isinstance(error, Cancelled):
        return EngineError(
            "FOLDER_NOT_SHARED",
            f"A worker that joined later does not see what is in the output folder “{job.output}”.",
            "Let every machine see it under the same path, and begin again with --resume.",
        )
    return unexpected(error)


def _workers_died(case: Case) -> EngineError:
    return EngineError(
        "WORKERS_DIED",
        f"Worker after worker died while it worked on “{case.input.name}”.",
        "Look into the workers' logs; the image may be too large for their memory.",
    )


def _lost() -> EngineError:
    return EngineError(
        "CLUSTER_LOST",
        "The connection to the Dask scheduler was lost.",
        "What is done is in the output folder; begin again with --resume.",
    )
