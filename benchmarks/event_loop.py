"""How long a run keeps the application's event loop from its work, at most, with a large volume.

    python benchmarks/event_loop.py [--slices 200] [--size 512]

The scene is Slicer's own (slicer-core), the event loop Qt's; the worker answers without a network, so that all time is
that of export, commands and import. Rendering is not included. "Own work" is the processor time between two ticks of
a fast timer, which other programs on the computer do not lengthen.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from measuring import put

TESTING = Path(__file__).resolve().parents[1] / "Testing"
sys.path[:0] = [str(TESTING), str(TESTING.parent / "ResFormerSeg")]
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()

    import slicer_bed

    slicer_bed.boot()
    from helpers.scene_helpers import makeVolume
    from ResFormerSegLib.engine.process import EngineProcess

    module = slicer_bed.loadModule(TESTING.parent / "ResFormerSeg" / "ResFormerSeg.py")
    pidFile = Path(tempfile.mkdtemp()) / "pid"
    command = [sys.executable, str(TESTING / "helpers" / "fake_worker.py"), "exclusive", str(pidFile)]
    logic = module.ResFormerSegLogic(makeEngine=lambda: EngineProcess(command))
    volume = makeVolume(shape=(options.slices, options.size, options.size))
    logic.devices()  # the worker is there

    results = []
    try:
        for title, start in (
            ("process", lambda **calls: logic.process(volume, **calls)),
            ("process, with probability maps", lambda **calls: logic.process(volume, probabilityMaps=True, **calls)),
            ("explain", lambda **calls: logic.explain(volume, **calls)),
            ("compare", lambda **calls: logic.compare(*[row.segmentationNode for row in results[:2]], volume, **calls)),
        ):
            block, work, seconds, result = measure(start)
            results.append(result)
            put(
                "event loop",
                slices=options.slices,
                size=options.size,
                run=title,
                longest_block_ms=1000 * block,
                own_work_ms=1000 * work,
                seconds=seconds,
            )
    finally:
        logic.cleanup()


def measure(start) -> tuple[float, float, float, object]:
    """Seconds of the longest block, of the longest work in one, and in all; and the result."""
    import qt

    from slicer_bed.watch import waitFor

    def now() -> tuple[float, float]:
        return time.perf_counter(), time.thread_time()

    ends, clock = [], qt.QTimer()
    ticks = [now()]  # a small volume may be done before the first tick
    clock.connect("timeout()", lambda: ticks.append(now()))
    clock.start(2)
    start(wait=False, onFinished=ends.append, onFailed=ends.append)
    waitFor(lambda: ends, timeout=300)
    ticks.append(now())
    seconds = ticks[-1][0] - ticks[0][0]
    clock.stop()
    if isinstance(ends[0], Exception):
        raise ends[0]
    gaps = [(second[0] - first[0], second[1] - first[1]) for first, second in zip(ticks, ticks[1:], strict=False)]
    return max(gap for gap, _ in gaps), max(work for _, work in gaps), seconds, ends[0]


if __name__ == "__main__":
    main()
