"""Distance between the surfaces of two masks, against MONAI's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resformer_unet.evaluation.surface_distance import hausdorff95


def test_the_distance_is_that_of_monai_in_any_spacing():
    from monai.metrics import compute_hausdorff_distance

    random = np.random.default_rng(0)
    for spacing in ((1.0, 1.0, 1.0), (5.0, 0.7, 0.9)):
        first, second = (random.random((9, 24, 28)) for _ in range(2))
        masks = [_blob(noise) for noise in (first, second)]
        tensors = [torch.from_numpy(mask)[None, None].float() for mask in masks]
        expected = compute_hausdorff_distance(*tensors, percentile=95, spacing=spacing).item()
        assert hausdorff95(*masks, spacing) == pytest.approx(expected, rel=1e-5)


def _blob(noise: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(noise, (1, 3, 3))
    return smooth > np.quantile(smooth, 0.8)
