"""Explaining a diagnosis: the map lies on the image's grid, and depends on what the network has learnt.

The two checks of faithfulness follow Samek et al., Evaluating the visualization of what a deep neural network has
learned, arXiv:1509.06321 (deletion), and Adebayo et al., Sanity checks for saliency maps, arXiv:1810.03292 (random
weights).
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter

from helpers.paths import SHARED_DATA
from helpers.synthetic_images import oblique_affine
from helpers.tiny_model import save_tiny, tiny_descriptor, tiny_weights
from resformer_unet.data.dataset import load_dataset, read_case_image
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.options import ExplainOptions
from resformer_unet.inference.predictor import Predictor
from resformer_unet.inference.saliency import slice_saliency
from resformer_unet.model.catalog import find_model
from resformer_unet.model.network import NetworkConfig, ResFormerUNet
from resformer_unet.model.saving import save_bundle
from resformer_unet.model.weights import load_network
from resformer_unet.preprocessing.prepare import prepare_image


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Predictor:
    return Predictor(save_tiny(tmp_path_factory.mktemp("models") / "tiny"), "cpu:torch")


def head(slices: int = 5, rows: int = 40, columns: int = 48):
    voxels = np.random.default_rng(0).integers(0, 255, (slices, rows, columns)).astype(np.uint8)
    return image_from_array(voxels, oblique_affine(), "head")


def test_the_map_lies_on_the_images_grid_between_0_and_1(predictor):
    told = []
    options = ExplainOptions(diagnosis="malignant")
    explanation = predictor.explain(head(), options=options, progress=lambda *counts: told.append(counts))
    assert explanation.diagnosis == "malignant" and "HiResCAM" in explanation.method
    assert "arXiv:2011.08891" in explanation.citation
    assert explanation.saliency.shape == (5, 40, 48) and explanation.saliency.dtype == np.float32
    assert explanation.saliency.min() >= 0 and explanation.saliency.max() == 1
    assert told[-1] == (5, 5)


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_head_that_is_guided_by_the_masks_is_explained_with_the_masks_held_fixed(tmp_path, exclusive):
    descriptor = tiny_descriptor(segments=("core", "rim"))
    descriptor["network"] |= {"mask_guided": True, "exclusive": exclusive}
    descriptor["segmentation"]["exclusive"] = exclusive
    predictor = Predictor(
        save_bundle(tmp_path / "guided", descriptor, tiny_weights(descriptor), "# Guided\n"), "cpu:torch"
    )
    saliency = predictor.explain(head()).saliency
    assert saliency.shape == (5, 40, 48) and saliency.min() >= 0 and saliency.max() == 1

    network, batch = predictor.runner.backend.network, torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        network.classification.mask_statistics[0].weight.zero_()  # the segments' size and certainty now say nothing
        assert (slice_saliency(network, batch, 1) > 0).any()
        network.classification.classify[1].weight.zero_()
        assert not slice_saliency(network, batch, 1).any()


def test_without_a_name_the_diagnosis_of_the_prediction_is_explained(predictor):
    told = []
    explanation = predictor.explain(head(), progress=lambda *counts: told.append(counts))
    assert explanation.diagnosis == predictor.predict(head()).report["diagnosis"]["label"]
    assert told[-1] == (10, 10) and [done for done, _ in told] == sorted(done for done, _ in told)


def test_slices_that_were_not_asked_for_are_empty(predictor):
    saliency = predictor.explain(head(60), options=ExplainOptions("coronal", (3, 5), "benign")).saliency
    assert saliency[:, 3:6].any() and not saliency[:, :3].any() and not saliency[:, 6:].any()


def test_a_turned_image_has_the_same_map_turned(tmp_path):
    predictor = Predictor(save_tiny(tmp_path / "tiny"), "cpu:torch")
    predictor.bundle.descriptor["input"]["orientation"] = {"volume": "radiological", "picture": "stored"}
    voxels, flip = head().voxels[..., 0], np.diag([-1.0, -1.0, 1.0, 1.0])
    benign = ExplainOptions(diagnosis="benign")
    upright = predictor.explain(image_from_array(voxels, np.eye(4), "head"), options=benign).saliency
    turned = predictor.explain(image_from_array(voxels[:, ::-1, ::-1], flip, "head"), options=benign).saliency
    np.testing.assert_allclose(turned[:, ::-1, ::-1], upright, atol=1e-5)


def test_a_picture_seen_transpose_tta_has_the_same_map_lying_down(predictor):
    batch = torch.rand(2, 1, 32, 32)
    upright = slice_saliency(predictor.runner.backend.network, batch, 1, transpose_tta=True)
    lying = slice_saliency(predictor.runner.backend.network, batch.transpose(2, 3), 1, transpose_tta=True)
    torch.testing.assert_close(lying.transpose(1, 2), upright)


def test_a_diagnosis_that_the_model_does_not_know_is_refused(predictor):
    with pytest.raises(EngineError) as caught:
        predictor.explain(head(), options=ExplainOptions(diagnosis="measles"))
    assert caught.value.code == "BAD_OPTION" and "benign, malignant" in caught.value.hint


def test_a_model_without_diagnosis_has_nothing_to_explain(tmp_path):
    predictor = Predictor(save_tiny(tmp_path / "no-diagnosis", diagnoses=()), "cpu:torch")
    with pytest.raises(EngineError) as caught:
        predictor.explain(head())
    assert caught.value.code == "NO_DIAGNOSIS"


def test_explaining_can_be_cancelled_and_leaves_the_predictor_usable(predictor):
    before = predictor.predict(head()).report["diagnosis"]["probabilities"]
    with pytest.raises(Cancelled):
        predictor.explain(head(), options=ExplainOptions(diagnosis="benign"), cancelled=lambda: True)
    predictor.explain(head(), options=ExplainOptions(diagnosis="benign"))
    assert predictor.predict(head()).report["diagnosis"]["probabilities"] == before
    assert all(weights.grad is None for weights in predictor.runner.backend.network.parameters())


@pytest.fixture(scope="module", params=["skin-lesion", "brain-tumor-mr"])
def trained(request) -> tuple[ResFormerUNet, torch.Tensor]:
    """A bundled model's network, and eight pictures that it was not trained on, as it sees them."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no {SHARED_DATA}: the public sets are not part of the project")
    bundle = find_model(request.param)
    cases = load_dataset(SHARED_DATA / request.param, "val")
    chosen = cases[:: len(cases) // 8][:8]
    pictures = [prepare_image(read_case_image(case), bundle.descriptor["input"]).batch(0, 1) for case in chosen]
    return load_network(bundle), torch.from_numpy(np.concatenate(pictures))


@torch.no_grad()
def probabilities(network: ResFormerUNet, batch: torch.Tensor) -> torch.Tensor:
    return network(batch).diagnosis.softmax(1)


def own_saliency(network: ResFormerUNet, batch: torch.Tensor) -> torch.Tensor:
    """Each picture's map for the diagnosis that it gets, (n, rows, columns)."""
    winners = probabilities(network, batch).argmax(1)
    return torch.stack([slice_saliency(network, x[None], int(k))[0] for x, k in zip(batch, winners, strict=True)])


def test_painting_over_what_is_salient_lowers_the_probability_more_than_painting_over_anything(trained):
    network, pictures = trained
    before = probabilities(network, pictures)
    winners = before.argmax(1, keepdim=True)

    def lost(importance: torch.Tensor) -> float:
        limit = importance.flatten(1).quantile(0.8, dim=1)[:, None, None]
        erased = torch.where(importance[:, None] > limit[:, None], pictures.mean((2, 3), keepdim=True), pictures)
        return (before - probabilities(network, erased)).gather(1, winners).mean().item()

    random = torch.Generator().manual_seed(0)
    blocks = [
        F.interpolate(torch.rand(len(pictures), 1, size, size, generator=random), pictures.shape[2:])[:, 0]
        + 1e-6 * torch.rand(len(pictures), *pictures.shape[2:], generator=random)
        for size in (5, 20)
    ]
    assert lost(own_saliency(network, pictures)) > max(map(lost, blocks)) + 0.05


def test_the_map_of_a_network_with_random_weights_is_another_one(trained):
    network, pictures = trained
    torch.manual_seed(0)
    untrained = ResFormerUNet(network.config).eval()
    maps = own_saliency(network, pictures)
    others = torch.stack([slice_saliency(untrained, x[None], 0)[0] for x in pictures])
    alike = []
    for one, other, picture in zip(maps, others, pictures, strict=True):
        shown = picture.mean(0) > picture.mean()  # the empty background is salient to no network
        ranks = torch.stack([x[shown].argsort().argsort().float() for x in (one, other)])
        alike.append(torch.corrcoef(ranks)[0, 1])
    assert torch.stack(alike).mean() < 0.5


class Summing(torch.nn.Module):
    """The image is its only level; the logit of the first diagnosis is its sum, that of the second is 0."""

    config = NetworkConfig(segments=0)
    stem = torch.nn.Identity()
    encoder = (torch.nn.Identity(),)
    head_levels = (-1,)

    def diagnose(self, levels: list[torch.Tensor], masks: None) -> torch.Tensor:
        total = levels[0].sum((1, 2, 3))
        return torch.stack([total, torch.zeros_like(total)], 1)


def test_the_map_is_what_features_times_gradient_say_smoothed_by_a_gaussian():
    batch = np.zeros((3, 2, 24, 40), np.float32)
    batch[0, 0, 11, 13], batch[1, 1, 0, 39], batch[2, :, 20] = 1, 2, 0.01  # inside, in a corner, a row in both channels
    batch[0, :, 5, 5] = 0.5, -0.6  # together they speak against the diagnosis
    other = 1 / (1 + np.exp(batch.sum((1, 2, 3))))  # probability of the other diagnosis: the gradient
    contribution = (batch.sum(1) * other[:, None, None]).clip(0)
    expected = gaussian_filter(contribution, 0.03 * 40, mode="nearest", radius=4, axes=(1, 2))
    np.testing.assert_allclose(slice_saliency(Summing(), torch.from_numpy(batch), 0), expected, atol=1e-6)
    # For the other diagnosis, gradients have the opposite sign.
    contribution = (batch.sum(1) * (other - 1)[:, None, None]).clip(0)
    expected = gaussian_filter(contribution, 0.03 * 40, mode="nearest", radius=4, axes=(1, 2))
    np.testing.assert_allclose(slice_saliency(Summing(), torch.from_numpy(batch), 1), expected, atol=1e-6)
