"""What is sent between the client and the workers of a cluster.

Workers import this module in the thread that keeps up their connection to the scheduler. The import is cheap; the
engine is imported in another thread, so that the scheduler does not take the worker for dead meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.batch.cases import BatchCase, Outcome
from resformer_unet.errors import EngineError
from resformer_unet.inference.options import PredictOptions


@dataclass(frozen=True)
class ClusterJob:
    """What the cases of a job share.

    Attributes:
        output: absolute; a folder that all machines share.
        mark: a file in it that exists as long as the job runs.
        model: absolute folder of the model on the client's machine.
        id: of the model, by which it is found where that folder is missing.
        sha256: of the model's weights, which must be the same everywhere.
        version: of this package, likewise.
    """

    output: Path
    mark: str
    model: Path
    id: str
    sha256: str
    version: str
    device: str
    options: PredictOptions | None

    def is_running(self) -> bool:
        return (self.output / self.mark).exists()


async def check_worker(job: ClusterJob) -> EngineError | None:
    """:func:`.unfit_reason` on a worker."""

    def check() -> EngineError | None:
        from resformer_unet.batch.cluster.worker import unfit_reason

        return unfit_reason(job)

    return await asyncio.to_thread(check)


def predict_remotely(case: BatchCase, job: ClusterJob) -> Outcome:
    """:func:`.predict_on_worker` as a task."""
    from resformer_unet.batch.cluster.worker import predict_on_worker

    return predict_on_worker(case, job)
