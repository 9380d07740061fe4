"""Live mode with a synthetic ultrasound sequence that is played in the test bed: answers, latency, blocks.

    python benchmarks/live.py [--model breast-ultrasound] [--fps 20] [--seconds 20] [--size 256] [--one-by-one 60]

Panel, slice view (rendered offscreen) and worker are those of the application; the network is the model's on ONNX
Runtime. Latency is from the change of the image to the contour in the scene, before the view is rendered. A block is
the longest time that one of live mode's or the panel's own functions kept the event loop from its work; its "work" is
the processor time in it, which other programs do not lengthen. The event loop's longest pause has the rendering and
the playing in it, too. Processor times are of the worker and of live mode's functions, per answer: they are what a busy
computer leaves comparable. On a computer that is busy with other work, `--one-by-one` gives these alone: each image is
shown when the last one has its contour.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

from measuring import put

TESTING = Path(__file__).resolve().parents[1] / "Testing"
sys.path[:0] = [str(TESTING), str(TESTING.parent / "ResFormerSeg")]
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

FRAMES = 40
START_SECONDS = 180.0


class OwnWork:
    """Seconds in the functions by which Qt and the scene call live mode and the panel; of calls in calls the outer."""

    def __init__(self) -> None:
        self.blocks: list[tuple[float, float, str]] = []  # seconds, seconds of the processor, which function
        self._depth = 0

    def watch(self, kind: type, *names: str) -> None:
        for name in names:
            setattr(kind, name, self._timed(getattr(kind, name), f"{kind.__name__}.{name}"))

    def _timed(self, function, name: str):
        def call(*arguments, **named):
            began, work = time.perf_counter(), time.thread_time()
            self._depth += 1
            try:
                return function(*arguments, **named)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.blocks.append((time.perf_counter() - began, time.thread_time() - work, name))

        return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="breast-ultrasound")
    parser.add_argument("--fps", type=float, default=20.0, help="images a second that are played (default: 20)")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--one-by-one", type=int, metavar="N", help="show N images, each after the last one's answer")
    parser.add_argument("--no-panel", action="store_true", help="without the panel, as from the console")
    options = parser.parse_args()

    import slicer_bed

    bed = slicer_bed.boot()
    from slicer_bed.main_window import MainWindow
    from slicer_demo.ultrasound import makeUltrasound

    module_file = TESTING.parent / "ResFormerSeg" / "ResFormerSeg.py"
    module = slicer_bed.loadModule(module_file)
    own = OwnWork()
    from ResFormerSegLib.engine.process import EngineProcess
    from ResFormerSegLib.live.session import LiveSession
    from ResFormerSegLib.panel.panel import Panel

    own.watch(LiveSession, "_onChanged", "_send", "_onAnswer", "_showText")
    own.watch(EngineProcess, "_readEvents")
    own.watch(Panel, "update", "_onSceneChanged", "_onVolumeChanged", "checkCanApply")
    with MainWindow(bed, (300, 300)) as window:
        volume, browser = makeUltrasound(FRAMES, options.size)
        window.views["Red"].show(volume)
        if options.no_panel:
            logic = module.ResFormerSegLogic()
            session = logic.live(volume, options.model, "cpu")
        else:
            widget = slicer_bed.openWidget(module_file)
            widget.ui.inputSelector.setCurrentNode(volume)
            widget.ui.modelSelector.setCurrentIndex(widget.ui.modelSelector.findData(options.model))
            widget.ui.liveButton.click()
            logic, session = widget.logic, widget.panel.live.session
        if session is None:
            raise SystemExit("Live mode could not be switched on.")
        try:
            put("live", **measure(session, browser, window, own, options))
        finally:
            if not options.no_panel:
                slicer_bed.closeWidget(widget)
            logic.cleanup()


def measure(session, browser, window, own: OwnWork, options: argparse.Namespace) -> dict:
    import qt

    from helpers.scene_sequences import showFrame
    from slicer_bed.processes import workers
    from slicer_bed.watch import waitFor

    waitFor(lambda: session.isAnswered, START_SECONDS)
    latencies, engine_seconds, ticks = [], [], []

    def on_frame(frame, answer, labels) -> None:
        state["changed"] = True
        latencies.append(time.monotonic() - frame.seen)
        engine_seconds.append(answer.secondsOfEngine)

    session.onFrame = on_frame
    state = {"number": 0, "render": 0.0, "changed": False}

    def play() -> None:
        state["number"] += 1
        state["changed"] = True
        showFrame(browser, state["number"] % FRAMES)

    def render() -> None:  # as the application does after changes
        if state["changed"]:
            state["changed"] = False
            started = time.thread_time()
            window.views["Red"].window.Render()
            state["render"] += time.thread_time() - started

    def show_one_by_one() -> None:
        for _ in range(options.one_by_one):
            drawn = session.counts["drawn"]
            play()
            render()
            waitFor(lambda drawn=drawn: session.counts["drawn"] > drawn, START_SECONDS)
            render()

    timers = []
    for milliseconds, action in (
        (1000 / options.fps, play),
        (1000 / 30, render),
        (2, lambda: ticks.append(time.perf_counter())),
    ):
        timer = qt.QTimer()
        timer.setTimerType(qt.Qt.PreciseTimer)
        timer.connect("timeout()", action)
        timers.append((timer, round(milliseconds)))
    before, worker_before = dict(session.counts), processor_seconds(workers())
    own.blocks.clear()
    began = time.perf_counter()
    if options.one_by_one:
        show_one_by_one()
    else:
        for timer, milliseconds in timers:
            timer.start(milliseconds)
        waitFor(lambda: time.perf_counter() - began > options.seconds, options.seconds + 60)
        for timer, _milliseconds in timers:
            timer.stop()
    seconds = time.perf_counter() - began
    counts = {name: session.counts[name] - before[name] for name in before}
    answers = max(1, counts["answered"])
    gaps = [second - first for first, second in zip(ticks, ticks[1:], strict=False)]
    if len(latencies) < 2:
        raise SystemExit(f"Only {len(latencies)} answers were drawn: the computer is too busy for a measurement.")
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "model": options.model,
        "size": options.size,
        "images_per_second": round(state["number"] / seconds, 1),
        "answers_per_second": round(counts["answered"] / seconds, 1),
        "latency_ms": {name: round(1000 * cuts[cut - 1]) for name, cut in (("50 %", 50), ("90 %", 90), ("99 %", 99))},
        "engine_ms_median": round(1000 * statistics.median(engine_seconds)) if engine_seconds else None,
        "dropped": state["number"] - counts["answered"],
        "longest_own_block_ms": round(1000 * max(row[0] for row in own.blocks), 1),
        "longest_own_work_ms": round(1000 * max(row[1] for row in own.blocks), 1),
        "longest_own_work_in": max(own.blocks, key=lambda row: row[1])[2],
        "longest_pause_ms": round(1000 * max(gaps)) if gaps else None,
        "worker_cpu_ms_per_answer": round(1000 * (processor_seconds(workers()) - worker_before) / answers),
        "own_cpu_ms_per_answer": round(1000 * sum(row[1] for row in own.blocks) / answers, 1),
        "rendering_cpu_ms_per_image": round(1000 * state["render"] / max(1, state["number"]), 1),
    }


def processor_seconds(processes: list[int]) -> float:
    """User and system time of these processes, all of their threads; read from Linux's /proc."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
