"""What the project has set itself on two processors, without a graphics card, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fits import straight_line
from networks import ONNX
from results import Results

LINEAR = 0.1  # growth counts as linear if no point is farther from a line than this share of the largest value


@dataclass(frozen=True)
class Verdict:
    """value: to compare with least and aim; text: to read."""

    value: float
    text: str


@dataclass(frozen=True)
class Aim:
    """least and aim: limits; of a ratio that is to be large `more` is true. unit: behind the limits."""

    what: str
    least: float
    aim: float
    unit: str
    measure: Callable[[Results], Verdict | None]
    more: bool = False

    def row(self, results: Results) -> list[str]:
        sign = "≥" if self.more else "≤"
        limits = [f"{sign} {limit:g}{self.unit}" for limit in (self.least, self.aim)]
        verdict = self.measure(results)
        if verdict is None:
            return [self.what, *limits, "not measured", "–"]
        return [self.what, *limits, verdict.text, self._met(verdict.value)]

    def _met(self, value: float) -> str:
        def reaches(limit: float) -> bool:
            return value >= limit if self.more else value <= limit

        return "aim" if reaches(self.aim) else "least" if reaches(self.least) else "**no**"


def _faster_than(network: str) -> Callable[[Results], Verdict | None]:
    """How often the time of `small` that of another network is, by the engine that the whole job takes."""

    def measure(results: Results) -> Verdict | None:
        setting = {"side": 256, "batch": 1, "threads": 2, "device": "cpu"}
        peer = results.one("forward", network=network, **setting)
        if peer is None:
            return None
        ratios = {"PyTorch": peer["times_small"]}
        if (onnx := results.one("forward", network=ONNX, **setting)) is not None:
            ratios["ONNX Runtime"] = peer["times_small"] / onnx["times_small"]
        job = results.one("command line", device="cpu")
        used = "ONNX Runtime" if "ONNX Runtime" in ratios and _is_onnx(job) else "PyTorch"
        text = ", ".join(f"{value:.1f}× ({engine})" for engine, value in ratios.items())
        return Verdict(ratios[used], f"{text}; the module uses {used}" if len(ratios) > 1 else text)

    return measure


def _is_onnx(job: dict | None) -> bool:
    return bool(job and str(job.get("engine", "")).startswith("ONNX"))


def _whole_job(results: Results) -> Verdict | None:
    row = results.one("command line", device="cpu", slices=200, size=512)
    if row is None:
        return None
    inside, alone = row["over_network"], row["over_network_alone"]
    return Verdict(max(inside, alone), f"{inside:.2f} (network timed within the job), {alone:.2f} (network alone)")


def _cold_start(results: Results) -> Verdict | None:
    row = results.one("cold start", device="cpu")
    return row and Verdict(row["seconds"]["first_slice"], f"{row['seconds']['first_slice']:.2f} s")


def _single_slice(results: Results) -> Verdict | None:
    rows = sorted(results.all("scene", device="cpu", slices=1), key=lambda row: row["size"])
    if not rows:
        return None
    texts = [f"{row['seconds']['call']:.2f} s ({row['size']}×{row['size']})" for row in rows]
    return Verdict(max(row["seconds"]["call"] for row in rows), ", ".join(texts))


def _memory(results: Results) -> Verdict | None:
    ratios = {}
    for part, name, key in (("scene", "worker", "worker_peak"), ("command line", "command line", "peak")):
        if (row := results.one(part, device="cpu", slices=200, size=512)) is not None:
            described = f"{name}, {row[f'{key}_in_all_mb']:.0f} MB in all"
            ratios[described] = row[f"{key}_mb"] / row["volume_float32_mb"]
    text = "; ".join(f"{ratio:.2f}× ({described})" for described, ratio in ratios.items())
    return Verdict(max(ratios.values()), text) if ratios else None


def _linear(results: Results) -> Verdict | None:
    rows = results.all("growth", device="cpu", size=256)
    if len(rows) < 3:
        return None
    slices = [row["slices"] for row in rows]
    fits = {key: straight_line(slices, [row[key] for row in rows]) for key in ("seconds", "peak_mb")}
    time, memory = fits["seconds"], fits["peak_mb"]
    text = (
        f"{time.distance:.1%} (time), {memory.distance:.1%} (memory); constant part of the memory "
        f"{memory.constant:.0f} MB, {memory.slope:.2f} MB a slice"
    )
    return Verdict(100 * max(time.distance, memory.distance), text)


AIMS = (
    Aim("`small` forward against nnU-Net's 2D network", 7, 15, "×", _faster_than("nnU-Net 2D"), more=True),
    Aim("`small` forward against MONAI's SwinUNETR", 4.5, 10, "×", _faster_than("MONAI SwinUNETR"), more=True),
    Aim("whole job over pure forward time, 200 slices of 512×512", 1.35, 1.10, "", _whole_job),
    Aim("cold start to first slice done", 6, 2.5, " s", _cold_start),
    Aim("warm single slice, from the console call to the segment in the scene", 0.7, 0.25, " s", _single_slice),
    Aim("peak memory above the interpreter with torch loaded, 512×512×200, over the volume in float32", 3, 1.5, "×",
        _memory),
    Aim("time and memory against the number of slices: distance from a straight line, as a share of the largest",
        100 * LINEAR, 50 * LINEAR, " %", _linear),
)  # fmt: skip
