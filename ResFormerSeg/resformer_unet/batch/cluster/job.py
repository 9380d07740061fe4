"""What travels between the client and the workers of a cluster.

Workers import this module in the thread in which they talk to the scheduler. It is cheap, and what it calls imports
the engine in another thread, so that no worker seems dead meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.batch.cases import Case, Outcome
from resformer_unet.errors import EngineError
from resformer_unet.inference.options import PredictOptions


@dataclass(frozen=True)
class Job:
    """What all cases of a job have in common.

    Attributes:
        output: absolute; a folder that all machines share.
        mark: a file in it that is there as long as the job goes on.
        model: absolute folder of the model on the client's machine; id: by which it is found where that is not there.
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

    def goes_on(self) -> bool:
        return (self.output / self.mark).exists()


async def ask_whether_fit(job: Job) -> EngineError | None:
    """:func:`.why_unfit` on a worker."""

    def ask() -> EngineError | None:
        from resformer_unet.batch.cluster.worker import why_unfit

        return why_unfit(job)

    return await asyncio.to_thread(ask)


def do_case(case: Case, job: Job) -> Outcome:
    """:func:`.predict_on_worker` as a task."""
    from resformer_unet.batch.cluster.worker import predict_on_worker

    return predict_on_worker(case, job)
