"""What `make benchmark-gpu` measures, most wanted first, so that a run that is cut off has the best of it.

On a graphics card everything takes less than ten minutes; without one `small_sizes` tries all programs on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator

from networks import ONNX, OURS, PEERS
from plan import Measurement

MONAI = ("monai",)
NEEDS = {
    "nnU-Net 2D": ("dynamic_network_architectures",),
    "MONAI SwinUNETR": ("monai", "einops"),
    "MONAI UNETR": ("monai", "einops"),
    "MONAI BasicUNet": MONAI,
    ONNX: ("onnxruntime", "onnx", "onnxscript"),
}
# segmentation-models-pytorch is no part of it: its network is a U-Net as others are.
COMPARED = (*OURS, *(name for name in PEERS if name in NEEDS), ONNX)
FILES = ("SimpleITK",)
SLOW = 300  # seconds for a part on the CPU, which may be busy with other work
TRAINING = ("SimpleITK", "lightning", "monai", "torchmetrics", "matplotlib", "onnx", "onnxscript")


def full(model: str) -> Iterator[Measurement]:
    """model: id or folder, of a model for grey images."""
    yield Measurement("device_choice", ("--model", model), limit=60)
    yield Measurement("gpu_agreement", ("--models", *_models(model)), limit=90)
    yield Measurement("memory_ladder", ("--model", model, "--device", "cuda"), limit=90)
    for name in COMPARED:
        yield Measurement(
            "throughput",
            ("--networks", name, "--device", "cuda", "--seconds", "7"),
            limit=60,
            needs=NEEDS.get(name, ()),
        )
    yield Measurement(
        "growth",
        ("--model", model, "--device", "cuda", "--slices", "200", "--size", "512", "--seconds", "10"),
        limit=60,
    )
    yield Measurement(
        "predict_job", ("--model", model, "--device", "auto", "--seconds", "12"), (200, 512), limit=90, needs=FILES
    )
    for preset in OURS:
        yield Measurement(
            "training_steps", ("--preset", preset, "--device", "cuda", "--seconds", "10"), limit=40, needs=TRAINING[:3]
        )
    yield Measurement("largest_slice", ("--device", "cuda", "--seconds", "15"), limit=60)
    trained = ("--cases", "240", "--epochs", "3", "--side", "256", "--batch", "32", "--device", "cuda")
    yield Measurement("training", (*trained, "--pretrained", "none"), limit=120, needs=TRAINING)


def small_sizes(model: str) -> Iterator[Measurement]:
    """Each program once on the CPU, with as little as it can do: whether all of it works, not how fast."""
    yield Measurement("device_choice", ("--model", model), limit=SLOW)
    yield Measurement("gpu_agreement", ("--models", _models(model)[1]), limit=SLOW)
    ladder = ("--model", model, "--device", "cpu", "--slices", "16", "--size", "128", "--shares", "0.3")
    yield Measurement("memory_ladder", ladder, limit=SLOW)
    brief = ("--sides", "128", "--seconds", "1", "--largest", "2", "--device", "cpu")  # nnU-Net halves six times
    yield Measurement("throughput", (*brief, "--networks", *COMPARED), limit=SLOW)  # in one process: imports are slow
    yield Measurement("growth", ("--model", model, "--slices", "10", "--size", "128", "--rounds", "1"), limit=SLOW)
    yield Measurement(
        "predict_job", ("--model", model, "--device", "auto", "--rounds", "1"), (10, 128), limit=SLOW, needs=FILES
    )
    steps = ("--side", "64", "--device", "cpu", "--seconds", "1", "--largest", "2")
    yield Measurement("training_steps", steps, limit=SLOW, needs=TRAINING[:3])
    sides = ("--device", "cpu", "--start", "128", "--largest", "1024", "--step", "64", "--memory-mb", "200")
    yield Measurement("largest_slice", (*sides, "--seconds", "10"), limit=SLOW)
    trained = ("--cases", "30", "--epochs", "1", "--side", "64", "--batch", "4", "--device", "cpu")
    yield Measurement("training", (*trained, "--pretrained", "none"), limit=SLOW, needs=TRAINING)


def _models(model: str) -> tuple[str, str]:
    """Beside the model for grey images the bundled one for colour pictures, from the same folder."""
    folder, slash, _ = model.rpartition("/")
    return model, f"{folder}{slash}skin-lesion"
