"""Running a network slice-wise: batches, progress, cancelling, and what happens when memory runs out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.stand_ins import BrightNetwork, stand_in_bundle, stand_in_predictor
from helpers.tiny_model import tiny_descriptor
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.backends.pytorch import BATCH, TorchBackend, forward
from resformer_unet.inference.batching import SliceRunner
from resformer_unet.model.network import Logits, NetworkConfig, ResFormerUNet
from resformer_unet.preprocessing.prepare import PreparedImage, prepare_image


def prepared(slices: int = 20) -> PreparedImage:
    """Slices of which each has its own brightness."""
    voxels = np.zeros((slices, 32, 32), np.uint8)
    voxels[:, 8:24, 8:24] = np.linspace(20, 250, slices, dtype=np.uint8)[:, None, None]
    return prepare_image(image_from_array(voxels, np.eye(4), "head"), tiny_descriptor()["input"])


def runner(network: torch.nn.Module | None = None, device: str = "cpu", **changes) -> SliceRunner:
    config = NetworkConfig(**{**tiny_descriptor()["network"], **changes})
    return SliceRunner(TorchBackend(network or BrightNetwork(config), torch.device(device)))


class Forgetful(BrightNetwork):
    """Has no memory for more than ``most`` slices at a time on a device."""

    def __init__(self, most: dict[str, int], error: Exception | None = None) -> None:
        super().__init__(NetworkConfig(**tiny_descriptor()["network"]))
        self.most, self.error, self.tried = most, error or torch.OutOfMemoryError("no memory left"), []

    def forward(self, image: torch.Tensor) -> Logits:
        self.tried.append((image.device.type, len(image)))
        if len(image) > self.most[image.device.type]:
            raise self.error
        return super().forward(image)


def masks_of(batches) -> np.ndarray:
    return np.concatenate([batch.output.masks for batch in batches])


def test_the_slices_come_in_order_in_batches_and_the_last_is_shorter():
    batches = list(runner().run(prepared(20)))
    assert [batch.first for batch in batches] == [0, 8, 16]
    assert [len(batch) for batch in batches] == [8, 8, 4]
    first = batches[0].output
    assert first.masks.shape == (8, 1, 32, 32) and first.diagnosis.shape == (8, 2)
    brightest = masks_of(batches).max((1, 2, 3))
    assert np.array_equal(brightest, np.sort(brightest)) and brightest.max() <= 1


def test_a_single_slice_is_a_batch():
    (batch,) = runner().run(prepared(1))
    assert (batch.first, len(batch)) == (0, 1)


def test_exclusive_segments_give_probabilities_that_sum_to_one():
    batches = runner(segments=2, exclusive=True).run(prepared(3))
    masks = masks_of(batches)
    assert masks.shape[1] == 3
    np.testing.assert_allclose(masks.sum(1), 1, atol=1e-6)


def test_a_task_the_network_lacks_gives_none():
    assert next(runner(diagnoses=0).run(prepared(2))).output.diagnosis is None
    assert next(runner(segments=0).run(prepared(2))).output.masks is None


@pytest.mark.parametrize("exclusive", [False, True])
def test_transpose_tta_gives_the_mean_of_the_slice_as_it_is_and_turned(exclusive):
    torch.manual_seed(0)
    config = NetworkConfig(**{**tiny_descriptor()["network"], "segments": 2, "exclusive": exclusive})
    network, batch = ResFormerUNet(config).eval(), torch.rand(3, 1, 32, 32)
    turned = batch.transpose(2, 3)
    masks, diagnosis, _ = forward(network, batch, transpose_tta=True)
    once, turned_once = forward(network, batch), forward(network, turned)
    torch.testing.assert_close(masks, (once[0] + turned_once[0].transpose(2, 3)) / 2)
    torch.testing.assert_close(diagnosis, (once[1] + turned_once[1]) / 2)
    turned_masks, turned_diagnosis, _ = forward(network, turned, transpose_tta=True)
    torch.testing.assert_close(turned_masks.transpose(2, 3), masks)
    torch.testing.assert_close(turned_diagnosis, diagnosis)
    assert not torch.allclose(once[0], masks) and not torch.allclose(once[1], diagnosis)


@pytest.mark.parametrize(("task", "index"), [("segments", 0), ("diagnoses", 1)])
def test_transpose_tta_works_for_a_network_with_one_task(task, index):
    network = BrightNetwork(NetworkConfig(**{**tiny_descriptor()["network"], task: 0}))
    answers = forward(network, torch.rand(1, 1, 32, 32), transpose_tta=True)
    assert answers[index] is None and answers[1 - index] is not None


def test_the_network_is_put_into_evaluation_mode():
    assert not runner(BrightNetwork(NetworkConfig()).train()).backend.network.training


def test_progress_counts_the_slices_that_are_done():
    told = []
    list(runner().run(prepared(20), progress=lambda *counts: told.append(counts)))
    assert told == [(8, 20), (16, 20), (20, 20)]


def test_cancelling_stops_before_the_next_batch():
    network = BrightNetwork(NetworkConfig(**tiny_descriptor()["network"]))
    batches = runner(network).run(prepared(20), cancelled=lambda: len(network.seen) == 1)
    assert next(batches).first == 0
    with pytest.raises(Cancelled):
        next(batches)
    assert len(network.seen) == 1


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes."),
        RuntimeError("MPS backend out of memory"),
    ],
    ids=["torch", "cpu allocator", "mps"],
)
def test_when_memory_runs_out_the_batch_is_halved_and_the_answer_stays_the_same(error):
    network = Forgetful({"cpu": 3}, error)
    careful = runner(network)
    masks = masks_of(careful.run(prepared(20)))
    np.testing.assert_allclose(masks, masks_of(runner().run(prepared(20))), atol=1e-6)
    assert [count for _, count in network.tried] == [8, 4] + [2] * 10
    assert [warning["code"] for warning in careful.warnings] == ["BATCH_HALVED", "BATCH_HALVED"]
    assert "2 slices at a time" in careful.warnings[-1]["message"]


def test_the_next_image_starts_afresh_as_memory_may_be_free_again():
    network = Forgetful({"meta": 0, "cpu": 4})
    careful = runner(network, "meta")
    list(careful.run(prepared(9)))
    first = list(network.tried)
    assert [warning["code"] for warning in careful.warnings].count("CPU_INSTEAD_OF_GPU") == 1
    network.tried.clear()
    list(careful.run(prepared(9)))
    assert network.tried == first
    assert [warning["code"] for warning in careful.warnings].count("CPU_INSTEAD_OF_GPU") == 1


def test_when_not_even_one_slice_fits_on_the_gpu_the_cpu_goes_on():
    network = Forgetful({"meta": 0, "cpu": 99})  # "meta" stands for a GPU without any memory
    careful = runner(network, "meta")
    masks = masks_of(careful.run(prepared(20)))
    assert network.tried[:5] == [("meta", 8), ("meta", 4), ("meta", 2), ("meta", 1), ("cpu", BATCH["cpu"])]
    assert careful.backend.device.type == "cpu" and careful.warnings[-1]["code"] == "CPU_INSTEAD_OF_GPU"
    np.testing.assert_allclose(masks, masks_of(runner().run(prepared(20))), atol=1e-6)


class Homeless(BrightNetwork):
    """Finds no room on the device "meta", which stands for a GPU that other programs have filled."""

    def __init__(self, error: Exception) -> None:
        super().__init__(NetworkConfig(**tiny_descriptor()["network"]))
        self.error, self.is_full = error, True

    def _apply(self, function, recurse=True):
        moved = super()._apply(function, recurse) if not self.is_full else self
        if self.is_full and function(torch.zeros(1)).device.type == "meta":
            raise self.error
        return moved


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["torch", "cublas"],
)
def test_a_gpu_that_is_full_when_the_model_is_loaded_is_replaced_by_the_cpu_and_tried_again_with_each_image(error):
    careful = runner(Homeless(error), "meta")
    masks = masks_of(careful.run(prepared(20)))
    np.testing.assert_allclose(masks, masks_of(runner().run(prepared(20))), atol=1e-6)
    (warning,) = careful.warnings
    assert warning["code"] == "CPU_INSTEAD_OF_GPU" and "meta has no memory for the network" in warning["message"]
    assert careful.backend.device.type == "cpu"
    careful.backend.reset()
    assert careful.backend.device.type == "meta"


def test_memory_may_run_out_in_the_middle_of_an_image_without_losing_a_slice():
    network = Forgetful({"cpu": 8})
    careful, firsts = runner(network), []
    for batch in careful.run(prepared(20)):
        firsts.append(batch.first)
        network.most["cpu"] = 2
    assert firsts == [0, 8, 10, 12, 14, 16, 18]


def test_without_memory_for_one_slice_the_user_is_told_what_to_do(monkeypatch):
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle(), lambda _: Forgetful({"cpu": 0}))
    with pytest.raises(EngineError) as caught:
        predictor.predict(prepared(3).image)
    assert caught.value.code == "OUT_OF_MEMORY"
    assert "head does not fit into memory" in str(caught.value) and "crop" in str(caught.value)


def test_the_report_of_each_image_says_whether_memory_ran_out_for_it(monkeypatch):
    network = Forgetful({"cpu": 4})
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle(), lambda _: network)
    codes = [
        [row["code"] for row in predictor.predict(prepared(slices).image).report["warnings"]] for slices in (20, 20, 3)
    ]
    assert codes[0].count("BATCH_HALVED") == codes[1].count("BATCH_HALVED") == 1
    assert "BATCH_HALVED" not in codes[2]


@pytest.mark.parametrize("task", ["segmentation", "diagnosis"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_answer_that_is_not_a_number_is_an_error_and_no_diagnosis(monkeypatch, task, number):
    class Diverged(BrightNetwork):
        def forward(self, image):
            logits = super().forward(image)
            getattr(logits, task)[-1] = number
            return logits

    predictor = stand_in_predictor(monkeypatch, stand_in_bundle(), Diverged)
    with pytest.raises(EngineError) as caught:
        predictor.predict(prepared(3).image)
    assert caught.value.code == "NETWORK_NOT_FINITE" and caught.value.hint


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
def test_what_half_precision_cannot_hold_is_computed_again_in_single_precision():
    class Large(torch.nn.Module):
        config = NetworkConfig(**tiny_descriptor()["network"])

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 2)
            torch.nn.init.constant_(self.layer.weight, 1e5)

        def forward(self, image):
            return Logits(None, self.layer(image.mean((2, 3))))

    _, diagnosis, _ = forward(Large().cuda(), torch.ones(2, 1, 32, 32, device="cuda"))
    assert diagnosis.min() > 9e4 and diagnosis.isfinite().all()


def test_another_failure_of_the_network_is_no_question_of_memory():
    class Broken(BrightNetwork):
        def forward(self, image):
            raise RuntimeError("shapes do not fit")

    careful = runner(Broken(NetworkConfig(**tiny_descriptor()["network"])))
    with pytest.raises(RuntimeError, match="shapes"):
        list(careful.run(prepared(3)))
    assert careful.warnings == []
