"""What the client of a cluster sends to the workers with each case, and one of their replies."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.batch.cases import Outcome
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

    def renew(self) -> None:
        """Touch the mark, so that nobody takes it for that of a killed job."""
        with suppress(OSError):  # a disk that is away for a while
            (self.output / self.mark).touch()

    def is_running(self) -> bool:
        return (self.output / self.mark).exists()


class Unfit(Outcome):
    """The outcome on a worker that can take no case of the job; another worker may."""
