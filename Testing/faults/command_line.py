"""Faults for `resformer-unet predict` on files of several kinds.

A job is run until the fault strikes; in the end the same command with `--resume`, without faults, must give what an
undisturbed run gives. Where nothing but the process suffers, several faults strike one job after another.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from faults import checks, moments
from faults.children import Child, start_clean
from faults.damage import damage
from faults.plan import Fault
from faults.records import DIED, DONE, SAID
from faults.surroundings import CLOCK, SmallDisk, jumping_clock, little_memory
from helpers.synthetic_images import oblique_affine, volume, write_picture, write_series, write_volume

KINDS = {
    "SIGKILL": 5, "SIGSEGV": 2, "SIGTERM": 2, "Ctrl-C": 3, "SIGSTOP, SIGCONT": 2, "reader: SIGKILL": 3,
    "reader: SIGSEGV": 2, "reader: SIGSTOP, SIGCONT": 1, "small disk for the output": 3,
    "small disk for temporary files": 1, "disk fails at a step": 6, "unwritable folder": 1, "little memory": 4,
    "damaged image": 5, "damaged model": 4, "image goes in mid-run": 1, "output folder goes in mid-run": 1,
    "clock jumps": 3, "closed pipe": 1,
}  # fmt: skip
_SIGNALS = {
    "SIGKILL": signal.SIGKILL, "SIGSEGV": signal.SIGSEGV, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT,
    "SIGSTOP, SIGCONT": signal.SIGSTOP,
}  # fmt: skip


class CommandLine:
    """Runs one fault after another; ``folder`` is its own."""

    def __init__(self, folder: Path, models: Path, disk: SmallDisk) -> None:
        self.folder, self.disk = folder, disk
        self.model, self.images = models / "grey", folder / "images"
        self._log, self._temporary = folder / "log", folder / "temporary"
        if not self.images.exists():
            write_images(self.images)
        import resformer_unet.cli.main  # noqa: F401  each child has it then
        import resformer_unet.inference.backends.onnx_runtime  # noqa: F401
        import resformer_unet.inference.predictor  # noqa: F401
        from resformer_unet.batch import run, summary_csv  # noqa: F401
        from resformer_unet.cardiac import patient_diagnosis  # noqa: F401

        self._measure()

    def _measure(self) -> None:
        """An undisturbed run: what it gives, how long it takes, and how many events it has."""
        output, counted = self.folder / "undisturbed", self.folder / "counted"
        shutil.rmtree(output, ignore_errors=True)
        begun = time.monotonic()

        child = self._start(moments.counted(functools.partial(self._main, self.images, output, self.model), counted))
        code = child.wait()
        assert code == 0, child.errors
        self.seconds = time.monotonic() - begun
        self.events, self.writings = map(int, counted.read_text().split())
        self.expected = results_of(output)
        self.inputs = checks.content(self.images)

    def _main(self, images: Path, output: Path, model: Path, *more: str) -> int:
        from resformer_unet.cli.main import main

        os.environ["TMPDIR"] = str(self._temporary)
        arguments = ["predict", str(images), "--model", str(model), "--output", str(output), "--device", "cpu"]
        return main([*arguments, "--probability-maps", *more])

    def _start(self, work: Callable[[], int]) -> Child:
        return start_clean(work, self._log, self._temporary)

    def run(self, fault: Fault) -> tuple[str, list[str]]:
        """How it ended, and what is wrong."""
        draw = fault.random()
        output = self.folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        if fault.kind in _SIGNALS:
            return self._own_signal(_SIGNALS[fault.kind], draw, output)
        if fault.kind.startswith("reader: "):
            return self._readers_signal(_SIGNALS[fault.kind.partition(": ")[2]], draw, output)
        method = getattr(self, f"_{fault.kind.replace(' ', '_').replace('-', '_')}")
        return method(draw, output)

    # --- signals

    def _own_signal(self, number: signal.Signals, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        place = draw.randrange(self.events) if draw.random() < 0.6 else None
        child = self._start(
            functools.partial(
                self._struck, place, lambda: os.kill(os.getpid(), number), self.images, output, self.model
            )
        )
        if place is None:
            time.sleep(self.seconds * draw.random())
            child.signal(number)
        code = child.wait()
        ends = {0, 130} if number == signal.SIGINT else {0} if number == signal.SIGSTOP else {0, -number}
        wrong = self._after(child, code, ends, output, after_death=code < 0)
        outcome = DONE if code == 0 else SAID if code == 130 else DIED
        return outcome, wrong + self._next_run(output)

    def _struck(self, place: int | None, action: Callable[[], None], *arguments) -> int:
        if place is not None:
            moments.strike_at(place, action)
        return self._main(*arguments)

    def _readers_signal(self, number: signal.Signals, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        child = self._start(functools.partial(self._main, self.images, output, self.model))
        deadline = time.monotonic() + 60
        while not (readers := child.descendants()) and time.monotonic() < deadline and not _has_ended(child):
            time.sleep(0.005)
        time.sleep(self.seconds * draw.random() * 0.8)
        for pid in readers:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                if number == signal.SIGSTOP:
                    time.sleep(0.3)
                    os.kill(pid, signal.SIGCONT)
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        return (DONE if code == 0 else SAID), wrong + self._next_run(output)

    # --- the disk and the memory

    def _small_disk_for_the_output(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        output = self.disk.folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        pages = draw.randrange(1, 24)
        self.disk.resize(pages)

        def work() -> int:
            self.disk.limit(pages)
            return self._main(self.images, output, self.model)

        child = self._start(work)
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        self.disk.grow()
        wrong += self._next_run(output)
        shutil.rmtree(output, ignore_errors=True)
        return (DONE if code == 0 else SAID), wrong

    def _small_disk_for_temporary_files(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        """With pictures called by the wrong name, for which a link is made there."""
        images = self._copy_of_images()
        (images / "a.png").rename(images / "a.nrrd")
        self.disk.resize(1)
        (self.disk.folder / "full").write_bytes(bytes(4096))

        def work() -> int:
            os.environ["TMPDIR"] = str(self.disk.folder)
            import tempfile

            tempfile.tempdir = str(self.disk.folder)
            return self._main(images, output, self.model)

        child = self._start(work)
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        (self.disk.folder / "full").unlink()
        self.disk.grow()
        return (DONE if code == 0 else SAID), wrong + checks.empty(self.disk.folder, "the temporary folder")

    def _disk_fails_at_a_step(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        place, error = draw.randrange(self.writings), draw.choice(list(moments.DISK_ERRORS.values()))

        def work() -> int:
            moments.fail_from(place, error)
            return self._main(self.images, output, self.model)

        child = self._start(work)
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        if code == 0 and error != errno.ENOENT and not wrong:
            wrong += checks.same(results_of(output), self.expected, "results of a run that claims success")
        return (DONE if code == 0 else SAID), wrong + self._next_run(output)

    def _unwritable_folder(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        """For a user without privileges: the folder's, or one that is to be made in it."""
        output.mkdir(mode=0o755)
        inner = output / draw.choice((".", "new", "new/er"))

        def work() -> int:
            os.seteuid(65534) if os.geteuid() == 0 else output.chmod(0o555)
            return self._main(self.images, inner, self.model)

        child = self._start(work)
        code = child.wait()
        output.chmod(0o755)
        wrong = self._after(child, code, {1}, output) + checks.empty(output, "an unwritable folder")
        return SAID, wrong + self._next_run(output)

    def _little_memory(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        megabytes = draw.choice((8, 32, 64, 128, 256, 400, 600))

        def work() -> int:
            little_memory(megabytes)
            return self._main(self.images, output, self.model)

        child = self._start(work)
        code = child.wait()
        # Native code ends the process where it gets no memory; that is no fault of the job's.
        died = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGKILL, -signal.SIGTRAP}
        wrong = self._after(child, code, {0, 1, *died}, output, after_death=code < 0)
        outcome = DONE if code == 0 else DIED if code < 0 else SAID
        return outcome, wrong + self._next_run(output)

    # --- damaged files

    def _copy_of_images(self) -> Path:
        copy = self.folder / "copies"
        shutil.rmtree(copy, ignore_errors=True)
        return shutil.copytree(self.images, copy)

    def _damaged_image(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        images = self._copy_of_images()
        damage(draw.choice(sorted(path for path in images.rglob("*") if path.is_file())), draw)
        damaged = checks.content(images)
        child = self._start(functools.partial(self._main, images, output, self.model))
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        wrong += checks.same(checks.content(images), damaged, "inputs")
        return (DONE if code == 0 else SAID), wrong

    def _damaged_model(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        model = self.folder / "model"
        shutil.rmtree(model, ignore_errors=True)
        shutil.copytree(self.model, model)
        name = draw.choice(("weights.safetensors", "weights.safetensors", "network.onnx", "model.json"))
        damage(model / name, draw)
        child = self._start(functools.partial(self._main, self.images, output, model))
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        if code == 0 and name != "model.json":
            wrong.append(f"a damaged {name} was used")
        return (DONE if code == 0 else SAID), wrong

    def _image_goes_in_mid_run(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        images = self._copy_of_images()
        gone = draw.choice(sorted(path for path in images.rglob("*") if path.is_file()))
        child = self._start(
            functools.partial(self._struck, draw.randrange(self.events), gone.unlink, images, output, self.model)
        )
        code = child.wait()
        return (DONE if code == 0 else SAID), self._after(child, code, {0, 1}, output)

    def _output_folder_goes_in_mid_run(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        def remove() -> None:
            shutil.rmtree(output, ignore_errors=True)

        place = draw.randrange(self.events)
        child = self._start(functools.partial(self._struck, place, remove, self.images, output, self.model))
        code = child.wait()
        return (DONE if code == 0 else SAID), self._after(child, code, {0, 1}, output) + self._next_run(output)

    # --- the rest

    def _clock_jumps(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        seed = str(draw.random())

        def work() -> int:
            os.environ["FAULTS_CLOCK"] = seed  # for the reader
            os.environ["PYTHONPATH"] = os.pathsep.join([str(CLOCK), os.environ["PYTHONPATH"]])
            jumping_clock(seed)
            return self._main(self.images, output, self.model)

        child = self._start(work)
        code = child.wait()
        wrong = self._after(child, code, {0}, output)
        return DONE, wrong + checks.same(results_of(output), self.expected, "results") + self._next_run(output)

    def _closed_pipe(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        stream = draw.choice((1, 2))

        def work() -> int:
            read, write = os.pipe()
            os.dup2(write, stream)
            os.close(write)
            os.close(read)
            setattr(sys, {1: "stdout", 2: "stderr"}[stream], open(stream, "w", encoding="utf-8", closefd=False))
            return self._main(self.images, output, self.model)

        child = self._start(work)
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        return (DONE if code == 0 else SAID), wrong + self._next_run(output)

    # --- afterwards

    def _after(self, child: Child, code: int, ends: set[int], output: Path, after_death: bool = False) -> list[str]:
        wrong = checks.sentences(child, code, ends) + checks.nothing_lives(child)
        wrong += checks.results(output, after_death) + checks.same(checks.content(self.images), self.inputs, "inputs")
        if not after_death:
            wrong += checks.empty(self._temporary, "the temporary folder")
        return wrong

    def _next_run(self, output: Path) -> list[str]:
        """Without a fault, into the same folder: it must give what an undisturbed run gives, and leave nothing else."""
        child = self._start(functools.partial(self._main, self.images, output, self.model, "--resume"))
        code = child.wait()
        wrong = checks.sentences(child, code, {0}) + checks.nothing_lives(child) + checks.results(output)
        wrong += checks.empty(self._temporary, "the temporary folder")
        return [f"next run: {what}" for what in wrong + checks.same(results_of(output), self.expected, "results")]


def _has_ended(child: Child) -> bool:
    """Without burying it."""
    state = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "Z"


def write_images(folder: Path) -> None:
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0)
    write_picture(folder / "a.png", noise.integers(0, 255, (30, 34), np.uint8))
    write_volume(folder / "b.nii.gz", volume(3), oblique_affine())
    write_series(folder / "c", volume(2), oblique_affine())
    write_volume(folder / "d.mhd", volume(2), oblique_affine())


def results_of(output: Path) -> dict[str, object]:
    """All files of a run, reports without what differs from run to run."""
    found: dict[str, object] = dict(checks.content(output)) if output.exists() else {}
    found.pop("summary.csv", None)
    for name in [name for name in found if name.endswith(".json")]:
        with suppress(ValueError):
            report = json.loads((output / name).read_text("utf-8"))
            found[name] = {**report, "timing_s": None}
    return found
