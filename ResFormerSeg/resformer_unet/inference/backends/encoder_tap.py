"""What a network's encoder makes of the slices, noted while PyTorch runs it."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from torch import Tensor

from resformer_unet.inference.out_of_distribution import mean_features, middle_levels
from resformer_unet.model.network import ResFormerUNet
from resformer_unet.preprocessing.letterbox import Letterbox


class EncoderTap:
    """Notes what the encoder's middle levels make of each batch, while a network runs.

    >>> with EncoderTap(network, letterbox) as tap:
    ...     network(batch)
    ...     features = tap.features()
    """

    def __init__(self, network: ResFormerUNet, letterbox: Letterbox, transposed: bool = False) -> None:
        """``transposed``: whether the network's last look at each batch has rows and columns exchanged."""
        self._blocks = [network.encoder[level] for level in middle_levels(len(network.encoder))]
        self._letterbox, self._transposed = letterbox, transposed
        self._levels: deque[Tensor] = deque(maxlen=len(self._blocks))
        self._hooks = []

    def __enter__(self) -> EncoderTap:
        self._hooks = [block.register_forward_hook(self._note) for block in self._blocks]
        return self

    def __exit__(self, *_) -> None:
        for hook in self._hooks:
            hook.remove()
        self._levels.clear()

    def features(self) -> np.ndarray:
        """float32 (n, features): the mean of every channel over each of the last batch's slices, without the padding
        around it."""
        levels = [level.float() for level in self._levels]
        return torch.cat(mean_features(levels, self._letterbox, self._transposed), 1).cpu().numpy()

    def _note(self, block, inputs, level: Tensor) -> None:
        self._levels.append(level.detach())
