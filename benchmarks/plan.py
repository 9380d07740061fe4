"""What `make benchmark` measures, so that all of it stays within a quarter of an hour on two processors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# Where a round of all networks would take too long.
MAIN = ("small", "base", "nnU-Net 2D", "MONAI SwinUNETR", "small, ONNX Runtime")
ALL = (*MAIN, "MONAI BasicUNet", "MONAI UNETR", "smp Unet-ResNet34")
WITHOUT_UNETR = tuple(name for name in ALL if name != "MONAI UNETR")


@dataclass(frozen=True)
class Measurement:
    """A program of this folder, run in a process of its own.

    volume: slices and size of the drawn volume whose file is its first argument. limit: seconds; something hangs if it
    takes longer. needs: modules that must be there.
    """

    program: str
    arguments: tuple[str, ...] = ()
    volume: tuple[int, int] | None = None
    limit: float = 600
    needs: tuple[str, ...] = ()


def full(gpu: bool) -> Iterator[Measurement]:
    for side, batch, threads, seconds, networks in (
        (256, 1, 1, 15, ALL),
        (256, 1, 2, 15, ALL),
        (256, 8, 1, 28, MAIN),
        (256, 8, 2, 35, WITHOUT_UNETR),
        (512, 1, 1, 25, MAIN),
        (512, 1, 2, 30, ALL),
        (512, 8, 2, 60, MAIN),
    ):
        yield _forward(side, batch, threads, seconds, networks)
    for name in ALL:
        yield _memory(name, 256, 1)
    for name in MAIN:
        yield _memory(name, 512, 8)
    if gpu:
        for side in (256, 512):
            for batch in (1, 8):
                yield _forward(side, batch, 2, 10, ALL, "cuda")
                for name in MAIN[:-1]:
                    yield _memory(name, side, batch, "cuda")
    yield Measurement("onnx_agreement")
    for slices, size in ((25, 256), (200, 512)):
        for program in ("predict_job", "scene_job"):
            yield Measurement(program, ("--seconds", "25"), (slices, size))
            if gpu:
                yield Measurement(program, ("--seconds", "10", "--device", "cuda"), (slices, size))
    yield Measurement("waterfall", ("--seconds", "40"), (200, 512))
    for size in (256, 512):
        yield Measurement("scene_job", ("--seconds", "10", "--rounds", "15"), (1, size))
    yield Measurement("cold_start", ("--seconds", "25"))
    for slices in (10, 30, 100, 300, 1000):
        yield Measurement("growth", ("--slices", str(slices)))
    for size in (128, 512, 1024):
        yield Measurement("growth", ("--slices", "30", "--size", str(size)))
    yield Measurement("event_loop")
    yield Measurement("training", ("--cases", "120", "--epochs", "2"))


def quick(gpu: bool) -> Iterator[Measurement]:
    """Each program once, with as little as it can do: whether all of it works, not how fast."""
    once = ("--rounds", "1")
    yield _forward(128, 1, 1, 1, ALL, extra=once)
    for name in MAIN:
        yield _memory(name, 128, 1)
    yield Measurement("onnx_agreement")
    for program in ("predict_job", "scene_job"):
        yield Measurement(program, once, (10, 128))
    yield Measurement("waterfall", once, (10, 128))
    yield Measurement("scene_job", once, (1, 128))
    yield Measurement("cold_start", ("--size", "128", *once))
    for slices in (5, 10, 20):
        yield Measurement("growth", ("--slices", str(slices), "--size", "128", *once))
    yield Measurement("event_loop", ("--slices", "20", "--size", "128"))
    yield Measurement("training", ("--cases", "30", "--epochs", "1", "--side", "64", "--batch", "4"))


def _forward(side, batch, threads, seconds, networks, device="cpu", extra=()) -> Measurement:
    numbers = {"side": side, "batch": batch, "threads": threads, "seconds": seconds, "device": device}
    arguments = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
    return Measurement("forward", (*arguments, *extra, "--networks", *networks))


def _memory(network: str, side: int, batch: int, device: str = "cpu") -> Measurement:
    return Measurement(
        "forward_memory", ("--network", network, "--side", str(side), "--batch", str(batch), "--device", device)
    )
