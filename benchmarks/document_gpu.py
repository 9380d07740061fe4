"""The section of docs/benchmarks.md about a graphics card, or the sentence that none was there."""

from __future__ import annotations

from collections.abc import Callable

from document_gpu_behaviour import agreement_part, device_part, ladder_part, largest_part
from markdown_table import shown, table
from networks import SHOWN
from results import Results

TITLE = "## On a GPU"
HOW_TO_RUN = (
    "On a machine with an NVIDIA card and PyTorch for CUDA, `make benchmark-gpu` (or `python3 benchmarks/gpu.py`, "
    "which needs no installation and no internet) takes less than ten minutes and fills in this section: the forward "
    "pass of all networks in float32 and half precision at the batch that suits each, whole jobs, training, the "
    "largest slice, the engine's behaviour with the card's memory filled on purpose, the choice of the device, and the "
    "equality of the answers with the CPU's."
)
HOW = (
    "Untrained networks with one grey channel; every network has the batch at which it takes least time for a slice, "
    "found by doubling. Half precision is float16 by automatic mixed precision, as the engine computes on a GPU; "
    "float32 is PyTorch's own, with TF32 in convolutions. The memory layout is as above."
)
PRECISIONS = {"float32": "float32", "half": "half precision"}


def gpu_section(results: Results) -> str:
    machine = results.one("machine")
    if machine is None:
        return f"{TITLE}\n\nNothing has been measured on a GPU yet. {HOW_TO_RUN}"
    if machine["gpu"] is None:
        return "\n\n".join([TITLE, _without_gpu(results, machine)])
    return "\n\n".join(part for part in (
        TITLE, _machine(machine), _throughput(results), _jobs(results), _training(results), device_part(results),
        agreement_part(results), ladder_part(results), largest_part(results), _not_measured(results),
    ) if part)  # fmt: skip


def _without_gpu(results: Results, machine: dict) -> str:
    done = [row["step"] for row in results.all("step") if row["outcome"] == "done"]
    sentences = [
        f"No GPU was there, so nothing is measured on one yet; on {machine['date']} the program ran on the CPU, at "
        f"small sizes and without a look at the times: {len(done)} of {len(machine['plan'])} parts were done.",
        HOW_TO_RUN,
        _not_measured(results),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _machine(machine: dict) -> str:
    versions = machine["versions"]
    parts = [f"PyTorch {versions.get('torch')} with CUDA {machine['cuda']}"]
    parts += [f"{name} {versions[name]}" for name in ("onnxruntime-gpu", "monai") if name in versions]
    return (
        f"Measured on one {machine['gpu']} with {machine['gpu_memory_gb']:.0f} GB, beside {machine['processors']} "
        f"processors ({machine['processor']}), with {', '.join(parts)}, on {machine['date']} at {machine['commit']}."
    )


def _throughput(results: Results) -> str:
    rows = results.all("throughput")
    if not rows:
        return ""
    settings = sorted({(row["side"], row["precision"]) for row in rows})
    names = [name for name in SHOWN if results.all("throughput", network=name)]
    heads = ["network", *(f"{side}×{side}, {PRECISIONS[precision]}" for side, precision in settings)]

    def figures(title: str, cell: Callable[[dict, dict | None], str]) -> list[str]:
        lines = [[name, *(one(name, setting, cell) for setting in settings)] for name in names]
        return [title, table(heads, lines)]

    def one(name: str, setting: tuple[int, str], cell: Callable[[dict, dict | None], str]) -> str:
        row, small = (
            results.one("throughput", network=network, side=setting[0], precision=setting[1])
            for network in (name, "small")
        )
        return cell(row, small) if row else "–"

    return "\n\n".join([
        f"### Forward pass\n\n{HOW}",
        *figures("Milliseconds a slice (batch):", lambda row, small: f"{shown(row['ms_per_image'])} ({row['batch']})"),
        *figures("Time as a multiple of `small`'s in the same precision:",
                 lambda row, small: shown(small and row["ms_per_image"] / small["ms_per_image"], "×")),
        *figures("Milliseconds of a single slice:", lambda row, small: shown(row["ms_alone"])),
        *figures("Peak of the card's memory at that batch, MB:", lambda row, small: shown(row["peak_mb"])),
    ])  # fmt: skip


def _jobs(results: Results) -> str:
    lines = [
        ["prediction in memory", f"{row['size']}×{row['size']}×{row['slices']}", row["engine"],
         shown(row["seconds"], " s"), shown(row["network_seconds"], " s"),
         shown(row["seconds"] / row["network_seconds"], "×")]
        for row in results.all("growth")
    ] + [
        ["`resformer-unet predict`, file to files", f"{row['size']}×{row['size']}×{row['slices']}", row["engine"],
         shown(row["seconds"]["total"], " s"), shown(row["seconds"]["network"], " s"), shown(row["over_network"], "×")]
        for row in results.all("command line")
    ]  # fmt: skip
    if not lines:
        return ""
    head = ["", "volume", "engine", "in all", "network", "job over network"]
    return f"### The whole job\n\n{table(head, lines)}"


def _training(results: Results) -> str:
    lines = [
        [f"steps alone, images ready: `{row['preset']}`, {row['side']}×{row['side']}", row["precision"],
         str(row["batch"]), shown(1000 / row["ms_per_image"]), "–"]
        for row in results.all("training steps")
    ] + [
        [f"whole training: `{row['preset']}`, {row['side']}×{row['side']}", "", str(row["batch"]),
         shown(row["images_per_second"]), f"{row['utilisation']:.0%}"]
        for row in results.all("training")
    ]  # fmt: skip
    if not lines:
        return ""
    return f"### Training\n\n{table(['', 'precision', 'batch', 'images a second', 'utilisation'], lines)}"


def _not_measured(results: Results) -> str:
    """Steps that were left out, failed or were not begun, and networks or models that were left out."""
    begun = {row["step"] for row in results.all("step")}
    reasons = {name: "not begun" for name in results.one("machine")["plan"] if name not in begun}
    reasons |= {row["step"]: row["why"] for row in results.all("step") if row["outcome"] != "done"}
    for part in ("throughput", "agreement"):
        reasons |= results.left_out(part)
    return f"Not measured: {'; '.join(f'{name} ({why})' for name, why in reasons.items())}." if reasons else ""
