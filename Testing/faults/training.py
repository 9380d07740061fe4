"""Faults for `resformer-unet train`: a training that is struck again and again, and goes on with `--resume`.

After every fourth fault it is let run to its end; the model must be the one of a training that nothing has disturbed.
"""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from faults import checks, moments
from faults.children import Child, start_clean
from faults.damage import damage
from faults.plan import Fault
from faults.records import DIED, DONE, SAID
from faults.surroundings import SmallDisk, jumping_clock, little_memory
from helpers.generated_dataset import write_discs
from helpers.tiny_model import TINY_NETWORK

KINDS = {
    "SIGKILL": 6, "SIGSEGV": 2, "SIGTERM": 2, "Ctrl-C": 3, "SIGSTOP, SIGCONT": 2, "disk fails at a step": 5,
    "small disk": 3, "little memory": 3, "damaged checkpoint": 3, "damaged image": 2, "damaged labels.csv": 2,
    "damaged recipe": 2, "clock jumps": 2, "unwritable folder": 1,
}  # fmt: skip
_SIGNALS = {
    "SIGKILL": signal.SIGKILL, "SIGSEGV": signal.SIGSEGV, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT,
    "SIGSTOP, SIGCONT": signal.SIGSTOP,
}  # fmt: skip
_TO_THE_END = 4  # faults from one training that ends to the next


class Training:
    def __init__(self, folder: Path, disk: SmallDisk) -> None:
        self.folder, self.disk = folder, disk
        self.output, self._log, self._temporary = folder / "out" / "model", folder / "log", folder / "temporary"
        self.data, self.recipe = folder / "discs", folder / "recipe.json"
        if not self.recipe.exists():
            write_discs(self.data, {"train": 4, "val": 2})
            training = {"network": TINY_NETWORK, "epochs": 3, "batch_size": 2}
            self.recipe.write_text(json.dumps({"descriptor": None, "training": training}))
        import resformer_unet.cli.main  # noqa: F401  each child has it then
        import resformer_unet.training.train  # noqa: F401

        self._measure()

    def _measure(self) -> None:
        counted, output = self.folder / "counted", self.folder / "undisturbed" / "model"
        shutil.rmtree(output.parent, ignore_errors=True)
        begun = time.monotonic()

        child = self._start(moments.counted(functools.partial(self._main, output), counted))
        assert child.wait(900) == 0, child.errors
        self.seconds = time.monotonic() - begun
        self.events, self.writings = map(int, counted.read_text().split())
        self.expected = _weights(output)
        self.inputs = checks.content(self.data)
        shutil.rmtree(self.output.parent, ignore_errors=True)

    def _main(self, output: Path, data: Path | None = None, recipe: Path | None = None) -> int:
        from resformer_unet.cli.main import main

        os.environ["TMPDIR"] = str(self._temporary)
        has_begun = output.with_name(f"{output.name}.training").joinpath("run.json").exists()
        arguments = {"--recipe": recipe or self.recipe, "--output": output, "--device": "cpu", "--workers": 0}
        given = [str(part) for pair in arguments.items() for part in pair]
        resume = ["--resume"] if has_begun else []
        return main(["train", str(data or self.data), *given, "--size", "32", "32", *resume])

    def _start(self, work: Callable[[], int]) -> Child:
        return start_clean(work, self._log, self._temporary)

    def run(self, fault: Fault) -> tuple[str, list[str]]:
        draw = fault.random()
        if fault.kind in _SIGNALS:
            outcome, wrong = self._signal(_SIGNALS[fault.kind], draw)
        else:
            outcome, wrong = getattr(self, f"_{fault.kind.replace(' ', '_').replace('.', '_')}")(draw)
        if fault.number % _TO_THE_END == _TO_THE_END - 1 or wrong:
            wrong = wrong + self._to_the_end()
        return outcome, wrong

    def _signal(self, number: signal.Signals, draw: random.Random) -> tuple[str, list[str]]:
        place = draw.randrange(self.events) if draw.random() < 0.7 else None

        def work() -> int:
            if place is not None:
                moments.strike_at(place, lambda: os.kill(os.getpid(), number))
            return self._main(self.output)

        child = self._start(work)
        if place is None:
            time.sleep(self.seconds * draw.random())
            child.signal(number)
        code = child.wait()
        ends = (
            {0, 130} if number in (signal.SIGINT, signal.SIGTERM) else {0} if number == signal.SIGSTOP else {0, -number}
        )
        if number == signal.SIGTERM:  # PyTorch Lightning may turn it into an interruption in order
            ends.add(-number)
        return self._ended(child, code, ends)

    def _disk_fails_at_a_step(self, draw: random.Random) -> tuple[str, list[str]]:
        place, error = draw.randrange(self.writings), draw.choice(list(moments.DISK_ERRORS.values()))

        def work() -> int:
            moments.fail_from(place, error)
            return self._main(self.output)

        child = self._start(work)
        return self._ended(child, child.wait(), {0, 1})

    def _small_disk(self, draw: random.Random) -> tuple[str, list[str]]:
        """A training of its own; given room, it goes on."""
        pages = draw.randrange(1, 120)
        self.disk.resize(pages)
        output = self.disk.folder / "model"

        def work() -> int:
            self.disk.limit(pages)
            return self._main(output)

        child = self._start(work)
        outcome, wrong = self._ended(child, child.wait(), {0, 1}, output)
        self.disk.grow()
        return outcome, wrong

    def _little_memory(self, draw: random.Random) -> tuple[str, list[str]]:
        megabytes = draw.choice((8, 64, 128, 256, 512))

        def work() -> int:
            little_memory(megabytes)
            return self._main(self.output)

        child = self._start(work)
        died = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGKILL, -signal.SIGTRAP}
        return self._ended(child, child.wait(), {0, 1, *died})

    def _damaged_checkpoint(self, draw: random.Random) -> tuple[str, list[str]]:
        """Refused; or the training is over by then, and only its best epoch counts."""
        checkpoint = self.output.with_name("model.training") / draw.choice(("last.ckpt", "best.ckpt"))
        if not checkpoint.exists():
            child = self._start(functools.partial(self._struck_after_an_epoch))
            self._ended(child, child.wait(), {0, -signal.SIGKILL})
        before = checkpoint.read_bytes()
        damage(checkpoint, draw)
        child = self._start(functools.partial(self._main, self.output))
        outcome, wrong = self._ended(child, child.wait(), {0, 1})
        if outcome == SAID:
            checkpoint.write_bytes(before)
        return outcome, wrong

    def _struck_after_an_epoch(self) -> int:
        renamed = 0

        def counts(event: str, arguments: tuple) -> bool:
            nonlocal renamed
            renamed += event == "os.rename" and str(arguments[1]).endswith("last.ckpt")
            return renamed > 0

        moments.strike_at(1, lambda: os.kill(os.getpid(), signal.SIGKILL), counts)
        return self._main(self.output)

    def _damaged_image(self, draw: random.Random) -> tuple[str, list[str]]:
        def change(data: Path, recipe: Path) -> None:
            damage(draw.choice(sorted(data.rglob("*.png"))), draw)

        return self._with_damage(change)

    def _damaged_labels_csv(self, draw: random.Random) -> tuple[str, list[str]]:
        return self._with_damage(lambda data, recipe: damage(data / "labels.csv", draw))

    def _damaged_recipe(self, draw: random.Random) -> tuple[str, list[str]]:
        return self._with_damage(lambda data, recipe: damage(recipe, draw))

    def _with_damage(self, change: Callable[[Path, Path], None]) -> tuple[str, list[str]]:
        """A training of its own, which is stopped after an epoch where the damage does not stop it."""
        copy = self.folder / "damaged"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.data, copy / "discs")
        shutil.copyfile(self.recipe, copy / "recipe.json")
        change(copy / "discs", copy / "recipe.json")
        damaged = checks.content(copy)

        def work() -> int:
            moments.strike_at(
                0,
                lambda: os._exit(0),
                lambda event, arguments: event == "os.rename" and str(arguments[1]).endswith("last.ckpt"),
            )
            return self._main(self.folder / "unwanted" / "model", copy / "discs", copy / "recipe.json")

        shutil.rmtree(self.folder / "unwanted", ignore_errors=True)
        child = self._start(work)
        outcome, wrong = self._ended(child, child.wait(), {0, 1}, self.folder / "none")
        return outcome, wrong + checks.same(checks.content(copy), damaged, "inputs")

    def _clock_jumps(self, draw: random.Random) -> tuple[str, list[str]]:
        seed = str(draw.random())

        def work() -> int:
            jumping_clock(seed)
            return self._main(self.output)

        child = self._start(work)
        return self._ended(child, child.wait(), {0})

    def _unwritable_folder(self, draw: random.Random) -> tuple[str, list[str]]:
        folder = self.disk.folder if self.disk.isReal else self.folder / "unwritable"
        folder.mkdir(exist_ok=True)
        self.disk.resize(64)
        self.disk.lock()
        if not self.disk.isReal:
            folder.chmod(0o555)
        child = self._start(functools.partial(self._main, folder / "model"))
        outcome, wrong = self._ended(child, child.wait(), {1}, folder / "model")
        wrong += checks.empty(folder, "an unwritable folder")
        self.disk.grow()
        return outcome, wrong

    # --- afterwards

    def _ended(self, child: Child, code: int, ends: set[int], output: Path | None = None) -> tuple[str, list[str]]:
        output = output or self.output
        wrong = checks.sentences(child, code, ends) + checks.nothing_lives(child)
        wrong += checks.same(checks.content(self.data), self.inputs, "inputs")
        if code >= 0:
            wrong += checks.empty(self._temporary, "the temporary folder")
            hidden = [path.name for folder in (output.parent, output) for path in folder.glob(".*") if folder.is_dir()]
            wrong += [f"left beside the model: {name}" for name in hidden]
        wrong += _half_a_model(output)
        if code == 0 and output == self.output:
            wrong += [] if _weights(output) == self.expected else ["another model than without the faults"]
            shutil.rmtree(self.output.parent)
        return (DONE if code == 0 else DIED if code < 0 else SAID), wrong

    def _to_the_end(self) -> list[str]:
        child = self._start(functools.partial(self._main, self.output))
        outcome, wrong = self._ended(child, child.wait(), {0})
        if wrong:
            shutil.rmtree(self.output.parent, ignore_errors=True)
        return [f"to the end: {what}" for what in wrong]


def _weights(output: Path) -> str | None:
    return checks.content(output).get("weights.safetensors") if output.exists() else None


def _half_a_model(output: Path) -> list[str]:
    """A model folder that is there can be loaded."""
    from resformer_unet.errors import EngineError
    from resformer_unet.model.bundle import load_bundle

    if not output.exists():
        return []
    try:
        load_bundle(output)
    except EngineError as error:
        return [f"half a model: {error}"]
    return []
