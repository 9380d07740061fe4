"""The whole job in a scene of Slicer: from a volume's file to the segmentation node, through the worker process.

    python benchmarks/volumes.py head.nii.gz --slices 25 --size 256
    python benchmarks/scene_job.py head.nii.gz [--model brain-tumor-mr] [--device cpu]

The scene is Slicer's own (slicer-core), the event loop Qt's; nothing is rendered. The first call starts the worker; the
rounds after it find it warm. Memory of the worker is its peak above a Python that has imported PyTorch and nothing
else, that of the application its peak above what it had with the volume in the scene.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

from measuring import MEGABYTE, Memory, interpreter_with_torch, job_parser, medians, put, rounds, seconds_of

TESTING = Path(__file__).resolve().parents[1] / "Testing"
sys.path[:0] = [str(TESTING), str(TESTING.parent / "ResFormerSeg")]
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# Progress messages at the start of each part of a run.
ARRIVED, SEGMENTING, IMPORTING = "Loading the model", "Segmenting", "Adding the result to the scene"


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()

    import slicer_bed

    slicer_bed.boot()
    import slicer

    from slicer_bed.processes import workers

    module = slicer_bed.loadModule(TESTING.parent / "ResFormerSeg" / "ResFormerSeg.py")
    loaded = {}
    reading = seconds_of(lambda: loaded.update(node=slicer.util.loadVolume(str(options.file))))
    volume = loaded["node"]
    logic = module.ResFormerSegLogic()
    application = Memory()
    before = application.now()
    application.forget_peak()
    try:
        cold, report = run(logic, volume, options)
        (worker,) = workers()
        application_peak = application.peak() - before
        worker_peak, baseline = Memory(worker).peak(), interpreter_with_torch()
        measured = rounds(lambda: run(logic, volume, options)[0], options.seconds, options.rounds)
    finally:
        logic.cleanup()
    columns, rows, slices = report["grid"]["size"]
    put(
        "scene",
        slices=slices,
        size=max(rows, columns),
        engine=report.get("engine"),
        device=report["device"],
        rounds=len(measured),
        seconds={"read": reading, **medians(measured)},
        over_network=statistics.median(row["call"] / row["network"] for row in measured),
        cold_seconds=cold["call"],
        worker_peak_mb=(worker_peak - baseline) / MEGABYTE,
        worker_peak_in_all_mb=worker_peak / MEGABYTE,
        application_peak_mb=application_peak / MEGABYTE,
        volume_float32_mb=4 * slices * rows * columns / MEGABYTE,
    )


def run(logic, volume, options: argparse.Namespace) -> tuple[dict[str, float], dict]:
    """One call as from the console: seconds of its parts, and the report. The result's nodes are removed again."""
    import slicer

    reached = {}

    def note(fraction: float, message: str) -> None:
        reached.setdefault(message, time.perf_counter())

    began = time.perf_counter()
    result = logic.process(volume, options.model, options.device, progress=note)
    ended = time.perf_counter()
    timing = result.report["timing_s"]
    parts = {
        "export": reached[ARRIVED] - began,  # of the first call with the start of the worker
        "model": reached[SEGMENTING] - reached[ARRIVED],
        **{step: timing[step] for step in ("prepare", "network", "postprocess")},
        "answer": reached[IMPORTING] - reached[SEGMENTING] - timing["total"],
        "import": ended - reached[IMPORTING],
        "call": ended - began,
    }
    for node in (result.segmentationNode, result.tableNode):
        slicer.mrmlScene.RemoveNode(node)
    return parts, result.report


if __name__ == "__main__":
    main()
