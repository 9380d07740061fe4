"""Functions that the client has the workers of a cluster run.

Workers import this module in the thread that keeps up their connection to the scheduler. The import is cheap; the
engine is imported in another thread, so that the scheduler does not take the worker for dead meanwhile.
"""

from __future__ import annotations

import asyncio

from resformer_unet.batch.cases import BatchCase, Outcome
from resformer_unet.batch.cluster.job import ClusterJob
from resformer_unet.errors import EngineError


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
