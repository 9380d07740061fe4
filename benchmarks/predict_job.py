"""The whole job as `resformer-unet predict` does it: from a volume's file to segmentation file and JSON.

    python benchmarks/volumes.py head.nii.gz --slices 25 --size 256
    python benchmarks/predict_job.py head.nii.gz [--model brain-tumor-mr] [--device cpu]

The first run is for warming up, and for the peak of memory: above a Python that has imported PyTorch and nothing
else. The pure forward time is taken twice: by the engine's own watch within the job, and alone, for as many batches of
slices that are ready.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from measuring import MEGABYTE, Memory, interpreter_with_torch, job_parser, medians, put, rounds, seconds_of
from resformer_unet.batch.run import predict_files
from resformer_unet.image import guarded_reading
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.catalog import find_model
from resformer_unet.preprocessing.prepare import prepare_image


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:

        def predict() -> dict:
            (outcome,) = predict_files([options.file], options.model, Path(folder), device=options.device)
            if isinstance(outcome.result, Exception):
                raise outcome.result
            return outcome.result

        memory = Memory()
        memory.forget_peak()
        report = predict()
        peak, baseline = memory.peak(), interpreter_with_torch()
        reader_peak = Memory(guarded_reading._idle[-1]._process.pid).peak()
        alone = ForwardAlone(options.file, options.model, options.device)
        alone()

        def one_round() -> dict[str, float]:
            return {**predict()["timing_s"], "network_alone": seconds_of(alone)}

        measured = rounds(one_round, options.seconds, options.rounds)
    columns, rows, slices = report["grid"]["size"]
    put(
        "command line",
        slices=slices,
        size=max(rows, columns),
        engine=report.get("engine"),
        device=report["device"],
        rounds=len(measured),
        seconds=medians(measured),
        over_network=statistics.median(row["total"] / row["network"] for row in measured),
        over_network_alone=statistics.median(row["total"] / row["network_alone"] for row in measured),
        peak_mb=(peak - baseline) / MEGABYTE,
        peak_in_all_mb=peak / MEGABYTE,
        reader_peak_mb=reader_peak / MEGABYTE,
        volume_float32_mb=4 * slices * rows * columns / MEGABYTE,
    )


class ForwardAlone:
    """The network over as many batches as the volume has, without anything around it."""

    def __init__(self, path: Path, model: str, device: str) -> None:
        from resformer_unet.image.reading import read_image  # with SimpleITK, which the job itself does not load

        bundle = find_model(model)
        prepared = prepare_image(read_image(path), bundle.descriptor["input"])
        self._backend = Predictor(bundle, device).runner.backend
        size = self._backend.batch_size
        self._batch = prepared.batch(0, min(size, len(prepared)))
        self._lengths = [min(size, len(prepared) - first) for first in range(0, len(prepared), size)]

    def __call__(self) -> None:
        for length in self._lengths:
            self._backend.predict(self._batch[:length])


if __name__ == "__main__":
    main()
