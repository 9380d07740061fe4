"""Images a second of training steps alone, at the batch that suits the device: images ready, no augmentation.

    python benchmarks/training_steps.py [--preset small] [--side 256] [--device cuda] [--seconds 12]

A step is forward pass, multi-task loss, backward pass and optimiser in the precision that the training takes on that
device; `training.py` measures whole trainings, with reading and augmentation.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable

import torch

from batch_search import search_batch
from measuring import put
from networks import OURS, build
from resformer_unet.training.loop.losses import MultiTaskLoss
from resformer_unet.training.setup.precision import fast_precision
from resformer_unet.training.setup.recipe import Recipe

TYPES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=tuple(OURS), default="small")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--device", default="cuda", help="cpu or cuda (default: cuda)")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--largest", type=int, default=512, help="batch at most (default: 512)")
    options = parser.parse_args()
    device = torch.device(options.device)
    network = build(options.preset, options.side).to(device, memory_format=torch.channels_last).train()
    search = search_batch(TrainingStep(network, options.side, device).ready, device, options.seconds, options.largest)
    put(
        "training steps",
        preset=options.preset,
        side=options.side,
        device=options.device,
        precision=fast_precision(device),
        **search.figures(),
    )


class TrainingStep:
    """Steps of the default recipe on images that lie on the device."""

    def __init__(self, network: torch.nn.Module, side: int, device: torch.device) -> None:
        recipe = Recipe()
        self._network, self._side, self._device = network, side, device
        self._loss = MultiTaskLoss(network.config, None, recipe.label_smoothing, recipe.diagnosis_weight)
        self._optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate)
        self._type = TYPES.get(fast_precision(device))

    def ready(self, batch: int) -> Callable[[], None]:
        config, device = self._network.config, self._device
        images = torch.rand(batch, config.in_channels, self._side, self._side, device=device)
        images = images.contiguous(memory_format=torch.channels_last)
        masks = (torch.rand(batch, config.segments, self._side, self._side, device=device) > 0.5).float()
        labels = torch.randint(config.diagnoses, (batch,), device=device)
        has_mask = torch.ones(batch, dtype=torch.bool, device=device)

        def step() -> None:
            self._optimizer.zero_grad()
            mixed = torch.autocast(device.type, self._type) if self._type else contextlib.nullcontext()
            with mixed:
                loss = self._loss(self._network(images), masks, has_mask, labels)["loss"]
            loss.backward()
            self._optimizer.step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        return step


if __name__ == "__main__":
    main()
