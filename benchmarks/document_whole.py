"""The sections of docs/benchmarks.md about whole jobs: their parts, growth, responsiveness and training."""

from __future__ import annotations

from aims import LINEAR
from fits import straight_line
from markdown_table import shown, table
from results import Results

FILE_STEPS = {
    "read": "reading", "prepare": "preprocessing", "network": "network", "postprocess": "postprocessing",
    "write": "writing", "total": "in all",
}  # fmt: skip
SCENE_STEPS = {
    "read": "reading the file into the scene",
    "export": "export to the worker",
    "model": "model and image in the worker",
    "prepare": "preprocessing",
    "network": "network",
    "postprocess": "postprocessing",
    "answer": "result to the application",
    "import": "import into the scene",
    "call": "the call in all, without reading",
}


def whole_job_section(results: Results, waterfall: str | None) -> str:
    parts = [_command_line(results), _waterfall(waterfall), _scene(results), _cold_start(results)]
    parts = [part for part in parts if part]
    return "\n\n".join(["## The whole job", *parts]) if parts else ""


def _command_line(results: Results) -> str:
    rows = _by_size(results.all("command line"))
    if not rows:
        return ""
    lines = [
        ["whole job over network, timed within the job", *(shown(row["over_network"], "×") for row in rows)],
        ["whole job over network alone, batches ready", *(shown(row["over_network_alone"], "×") for row in rows)],
        ["peak memory over the volume in float32", *(_memory(row, "peak_mb") for row in rows)],
        ["peak memory of the process in all", *(shown(row["peak_in_all_mb"], " MB") for row in rows)],
        ["peak memory of the process that reads, in all", *(shown(row.get("reader_peak_mb"), " MB") for row in rows)],
        *([title, *(_step(row, step) for row in rows)] for step, title in FILE_STEPS.items()),
    ]
    text = (
        "### `resformer-unet predict`, from a compressed NIfTI file to segmentation file and JSON\n\n"
        "With the model `brain-tumor-mr`, which is loaded already. Peak memory over the volume is what the process has "
        "more than a Python that has imported PyTorch and nothing else, whether or not the job itself needs PyTorch."
    )
    return f"{text}\n\n{table(['', *map(_volume, rows)], lines)}"


def _waterfall(picture: str | None) -> str:
    if picture is None:
        return ""
    return (
        f"![Which part runs when, and on which thread]({picture})\n\n"
        "Laid out by `benchmarks/waterfall.py` from the processor times of each part, with the network on two threads."
    )


def _scene(results: Results) -> str:
    rows = _by_size(results.all("scene"))
    if not rows:
        return ""
    lines = [
        ["call over network", *(shown(row["over_network"], "×") for row in rows)],
        ["worker's peak memory over the volume in float32", *(_memory(row, "worker_peak_mb") for row in rows)],
        ["worker's peak memory in all", *(shown(row["worker_peak_in_all_mb"], " MB") for row in rows)],
        ["application's peak above the loaded volume, over the same",
         *(_memory(row, "application_peak_mb") for row in rows)],
        *([title, *(_step(row, step) for row in rows)] for step, title in SCENE_STEPS.items()),
        ["first call, which starts the worker", *(shown(row["cold_seconds"], " s") for row in rows)],
    ]  # fmt: skip
    text = (
        "### In Slicer's scene, through the warm worker process\n\n"
        "From the console call to the segmentation node in the scene of slicer-core, without rendering. The worker's "
        "memory counts as above; pages of the file through which it gets the voxels are in it."
    )
    return f"{text}\n\n{table(['', *map(_volume, rows)], lines)}"


def _cold_start(results: Results) -> str:
    row = results.one("cold start")
    if row is None:
        return ""
    names = {
        "worker_ready": "a new worker is there",
        "first_slice": "it has done its first slice",
        "result": "its result is there",
        "command_line": "`resformer-unet predict` of one slice, start to end",
    }
    lines = [[title, shown(row["seconds"][name], " s")] for name, title in names.items()]
    return (
        f"### Cold start, one slice of {row['size']}×{row['size']}\n\n{table(['from process start until', ''], lines)}"
    )


def growth_section(results: Results, picture: str | None) -> str:
    rows = results.all("growth")
    if not rows:
        return ""
    parts = ["## Growth with the number of slices and their size"]
    if picture:
        parts.append(f"![Time and memory by number of slices]({picture})")
    sizes = sorted({row["size"] for row in rows}, key=lambda size: -len(results.all("growth", size=size)))
    main = sorted(results.all("growth", size=sizes[0]), key=lambda row: row["slices"])
    if len(main) >= 3:
        slices = [row["slices"] for row in main]
        time, memory = (straight_line(slices, [row[key] for row in main]) for key in ("seconds", "peak_mb"))
        verdict = "linear" if max(time.distance, memory.distance) <= LINEAR else "not linear"
        parts.append(
            f"Slices of {sizes[0]}×{sizes[0]}: {verdict}; the farthest value lies "
            f"{max(time.distance, memory.distance):.1%} of the largest from a line of least squares. "
            f"Time {shown(time.constant)} s + "
            f"{shown(1000 * time.slope)} ms a slice (R² {time.r2:.3f}), memory "
            f"{shown(memory.constant)} MB + {shown(memory.slope)} MB a slice (R² {memory.r2:.3f}); a slice in float32 "
            f"has {shown(4 * sizes[0] ** 2 / 1e6)} MB."
        )
    ordered = sorted(rows, key=lambda row: (row["size"], row["slices"]))
    lines = [
        [
            f"{row['size']}×{row['size']}×{row['slices']}",
            shown(1000 * row["seconds"] / row["slices"]),
            shown(1e9 * row["seconds"] / (row["slices"] * row["size"] ** 2)),
            shown(row["peak_mb"] / row["volume_float32_mb"], "×"),
            shown(row["seconds"], " s"),
            shown(row["peak_mb"], " MB"),
        ]
        for row in ordered
    ]
    head = ["volume", "ms a slice", "ns a voxel", "memory over the volume in float32", "time", "memory"]
    return "\n\n".join([*parts, table(head, lines)])


def responsiveness_section(results: Results) -> str:
    rows = results.all("event loop")
    if not rows:
        return ""
    size, slices = rows[0]["size"], rows[0]["slices"]
    text = (
        "## Responsiveness of the panel\n\n"
        f"How long a run keeps the application's event loop from its work, at most, with {size}×{size}×{slices} voxels "
        "of 16 bits; the worker responds without a network, nothing is rendered. “Own work” is the processor time "
        "within the longest gap, which other programs on the computer do not lengthen."
    )
    lines = [
        [row["run"], shown(row["longest_block_ms"]), shown(row["own_work_ms"]), shown(row["seconds"])] for row in rows
    ]
    return f"{text}\n\n{table(['', 'longest block, ms', 'its own work, ms', 'whole run, s'], lines)}"


def training_section(results: Results) -> str:
    rows = results.all("training")
    if not rows:
        return ""
    lines = [
        [
            f"`{row['preset']}`, {row['side']}×{row['side']}, batches of {row['batch']}, {row['device']}",
            f"{row['utilisation']:.0%}",
            shown(row["images_per_second"]),
        ]
        for row in rows
    ]
    text = "## Training\n\nOn synthetic colour pictures, with the default recipe."
    return f"{text}\n\n{table(['', 'utilisation', 'images a second'], lines)}"


def _by_size(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: (row["slices"], row["size"]))


def _volume(row: dict) -> str:
    return f"{row['size']}×{row['size']}×{row['slices']}, {row['device']}, {row['engine'] or 'PyTorch'}"


def _step(row: dict, step: str) -> str:
    return shown(row["seconds"].get(step), " s")


def _memory(row: dict, key: str) -> str:
    """As a ratio too, unless the volume is so small that it says nothing."""
    if row["volume_float32_mb"] < 1:
        return shown(row[key], " MB")
    return f"{shown(row[key] / row['volume_float32_mb'], '×')} ({shown(row[key])} MB)"
