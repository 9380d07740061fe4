"""The section of docs/benchmarks.md about forward passes."""

from __future__ import annotations

from markdown_table import shown, table
from networks import SHOWN
from results import Results

HOW = (
    "One grey channel, untrained weights, the packages' own networks: nnU-Net's 2D plan is PlainConvUNet of "
    "`dynamic_network_architectures` with 7 stages of 32 to 512 features; SwinUNETR has 24 features. Ours also give a "
    "diagnosis, the others do not. Ours compute as the engine runs them, the others in the memory layout (contiguous "
    "or channels last) that is faster for them; on a GPU all compute in half precision. Memory is the peak above the "
    "process with PyTorch and the network loaded, multiply-accumulates are those of one slice."
)


def forward_section(results: Results, picture: str | None) -> str:
    if not results.all("forward"):
        return ""
    parts = ["## Forward pass", HOW]
    if picture:
        parts.append(f"![Time of a forward pass by network, as a multiple of small's]({picture})")
    for side in sorted({row["side"] for row in results.all("forward")}):
        settings = _settings(results, side)
        heads = [_heading(*setting) for setting in settings]
        present = [name for name in SHOWN if results.all("forward", side=side, network=name)]
        parts.append(f"### {side}×{side}: time as a multiple of `small`'s in the same rounds")
        parts.append(
            table(
                ["network", *heads],
                [[name, *(_cell(results, name, side, *setting, "times_small", "×") for setting in settings)]
                 for name in present],
            )
        )  # fmt: skip
        parts.append(f"{side}×{side}: milliseconds a slice")
        rows = [
            [name, *(_cell(results, name, side, *setting, "ms_per_slice") for setting in settings)] for name in present
        ]
        counts = [_rounds(results, side, *setting) for setting in settings]
        parts.append(table(["network", *heads], [*rows, ["rounds", *counts]]))
    parts += [_costs(results), _onnx(results), _left_out(results)]
    return "\n\n".join(part for part in parts if part)


def _settings(results: Results, side: int) -> list[tuple[str, int, int]]:
    """Device, batch and threads; the CPU first."""
    rows = results.all("forward", side=side)
    return sorted({(row["device"], row["batch"], row["threads"]) for row in rows})


def _heading(device: str, batch: int, threads: int) -> str:
    where = f"{threads} thread{'s' if threads > 1 else ''}" if device == "cpu" else "GPU"
    return f"batch {batch}, {where}"


def _cell(
    results: Results, name: str, side: int, device: str, batch: int, threads: int, key: str, unit: str = ""
) -> str:
    row = results.one("forward", network=name, side=side, device=device, batch=batch, threads=threads)
    return shown(row and row[key], unit)


def _rounds(results: Results, side: int, device: str, batch: int, threads: int) -> str:
    row = results.one("forward", side=side, device=device, batch=batch, threads=threads)
    return str(row["rounds"]) if row else "–"


def _costs(results: Results) -> str:
    rows = results.all("memory")
    settings = sorted({(row["device"], row["side"], row["batch"]) for row in rows})
    if not settings:
        return ""
    heads = [f"peak memory, {side}×{side}, batch {batch}{'' if device == 'cpu' else ', GPU'}"
             for device, side, batch in settings]  # fmt: skip
    lines = []
    for name in SHOWN:
        own = results.all("memory", network=name)
        if not own:
            continue
        first = min(own, key=lambda row: row["side"])
        small = results.one("memory", network="small", side=first["side"])
        ratios = [shown(first[key] / small[key], "×") if small else "–" for key in ("parameters", "gmac")]
        memory = [_memory(results, name, *setting) for setting in settings]
        figures = [f"{first['parameters'] / 1e6:.2f} M", f"{first['gmac']:.2f} ({first['side']}×{first['side']})"]
        lines.append([name, *ratios, *memory, *figures])
    title = "### Size, multiply-accumulates and memory, as multiples of `small`'s"
    heads = ["network", "parameters", "GMAC", *heads, "parameters, absolute", "GMAC, absolute"]
    return f"{title}\n\n{table(heads, lines)}"


def _memory(results: Results, name: str, device: str, side: int, batch: int) -> str:
    row, small = (
        results.one("memory", network=network, device=device, side=side, batch=batch) for network in (name, "small")
    )
    if row is None:
        return "–"
    ratio = f"{shown(row['peak_mb'] / small['peak_mb'], '×')}, " if small and small["peak_mb"] else ""
    return f"{ratio}{shown(row['peak_mb'])} MB"


def _onnx(results: Results) -> str:
    rows = results.all("onnx")
    if not rows:
        return ""
    head = ["model", "slices", "greatest difference of a mask's probability", "of a diagnosis's probability"]
    lines = [
        [row["model"], str(row["slices"]), f"{row['mask_difference']:.1e}", f"{row['diagnosis_difference']:.1e}"]
        for row in rows
    ]
    return f"### ONNX Runtime beside PyTorch, the models of the module on drawn images\n\n{table(head, lines)}"


def _left_out(results: Results) -> str:
    missing = {**results.left_out("memory"), **results.left_out("forward"), **results.left_out("onnx")}
    sentences = [f"{name} ({reason})" for name, reason in missing.items()]
    if not sentences:
        return ""
    note = f"Left out, since it could not be loaded beside this PyTorch: {'; '.join(sentences)}."
    if any("smp" in name for name in missing):
        note += (
            " segmentation-models-pytorch needs torchvision, of which the Python Package Index has no build for "
            "PyTorch without CUDA; it is measured where both are installed."
        )
    return note
