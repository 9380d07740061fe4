"""The training loop's network, loss and schedule, for trainings of any length."""

import pytest
import torch

from helpers.tiny_model import TINY_NETWORK
from resformer_unet.model.network import NetworkConfig
from resformer_unet.training.loop.module import ResFormerModule
from resformer_unet.training.setup.recipe import Recipe


@pytest.mark.parametrize("steps", [1, 2, 3, 9, 10, 11, 19, 20, 21, 1000])
def test_the_learning_rate_rises_and_falls_to_almost_nothing_however_few_the_steps(steps):
    torch.manual_seed(0)
    module = ResFormerModule(NetworkConfig(**TINY_NETWORK), Recipe(), None, steps)
    made = module.configure_optimizers()
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    if steps > 1:
        assert max(rates) == pytest.approx(Recipe().learning_rate, rel=0.03) and rates[0] < max(rates)
    if steps > 2:
        assert rates[-1] < 0.01 * max(rates)
