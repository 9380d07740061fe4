"""The floating-point precision that a device computes fast."""

from __future__ import annotations

import torch


def fast_precision(device: torch.device) -> str:
    """``bf16-mixed`` on a GPU with bfloat16, ``16-mixed`` on one without, ``32-true`` on a CPU.

    bfloat16 is no choice for a CPU: measured with the preset small, a training step takes a tenth longer than in
    float32 on a processor with AMX, and eight times as long on one without AVX512-BF16.
    """
    if device.type != "cuda":
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
