"""Training on drawn data sets with a tiny network: from a folder to a bundle that predicts."""

from __future__ import annotations

import copy
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from generated_dataset import write_discs, write_pixels, write_table
from tiny_model import TINY_NETWORK, tiny_descriptor

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.bundle import load_bundle
from resformer_unet.cli import main
from resformer_unet.dataset import load_dataset
from resformer_unet.errors import EngineError
from resformer_unet.images import read_image
from resformer_unet.network import Logits, NetworkConfig
from resformer_unet.predict import Predictor
from resformer_unet.training.arrays import UNKNOWN, SliceArrays, load_arrays
from resformer_unet.training.augmentation import EraseLesions, build_augmentation
from resformer_unet.training.calibration import fit_temperature
from resformer_unet.training.draft import draft_descriptor
from resformer_unet.training.losses import MultiTaskLoss, class_weights, exclusive_target
from resformer_unet.training.module import ResFormerModule, binary_masks
from resformer_unet.training.recipe import Augmentation, Recipe, load_recipe, recipe_names
from resformer_unet.training.train import Splits, _loaders, network_config, train

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:.*(does not have many workers|Checkpoint directory|log directory|tensorboard).*"
    ),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
TINY = Recipe(network=TINY_NETWORK, epochs=1, batch_size=3, averaging=0.5)


def trained(data: Path, output: Path, recipe: Recipe = TINY, **options):
    return train(data, output, recipe, **{"device": "cpu", "size": (32, 32), "workers": 0, **options})


def tiny_recipe(**changes) -> Recipe:
    """A recipe with a descriptor of its own, as a user writes it: without what training adds."""
    descriptor = tiny_descriptor()
    for key in ("network", "calibration", "results"):
        del descriptor[key]
    descriptor["training"] = {"data": descriptor["training"]["data"]}
    return TINY.changed(descriptor=descriptor, **changes)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_discs(tmp_path_factory.mktemp("data") / "discs")


@pytest.fixture(scope="module")
def drafted(data, tmp_path_factory):
    """A model trained without a recipe's descriptor, for two epochs."""
    output = tmp_path_factory.mktemp("trained") / "My Discs_1"
    return trained(data, output, TINY.changed(epochs=2))


def test_training_writes_a_complete_bundle(drafted):
    folder = drafted.folder
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "model.json", "weights.safetensors"]
    descriptor = load_bundle(folder).descriptor
    assert descriptor["training"]["recipe"]["network"] == TINY_NETWORK
    assert descriptor["training"]["epochs"] == 2 and descriptor["training"]["device"] == "cpu"
    assert descriptor["network"]["widths"] == TINY_NETWORK["widths"]
    assert [row["split"] for row in descriptor["results"]] == ["val", "test"]
    assert [row["cases"] for row in descriptor["results"]] == [4, 2]
    assert {"dice_mean", "accuracy", "macro_auc"} <= descriptor["results"][0]["metrics"].keys()
    assert descriptor["calibration"]["fitted_on"] == "validation split, 4 slices"
    leftovers = {path.name for path in folder.parent.iterdir()} - {folder.name, f"{folder.name}.training"}
    assert leftovers == set()


def test_the_log_and_the_evaluations_lie_beside_the_bundle(drafted):
    work = drafted.folder.with_name(drafted.folder.name + ".training")
    assert {"best.ckpt", "last.ckpt", "metrics.csv", "evaluation-val.json", "evaluation-test.json"} <= {
        path.name for path in work.iterdir()
    }
    report = json.loads((work / "evaluation-test.json").read_text("utf-8"))
    assert report["cases"] == 2
    dice = report["segmentation"]["dice"]["mean"]
    assert drafted.descriptor["results"][1]["metrics"]["dice_mean"] == pytest.approx(dice, abs=1e-4)


def test_the_model_card_says_what_was_measured_and_for_what_it_is(drafted):
    card = (drafted.folder / "README.md").read_text("utf-8")
    for words in ("Not a medical device", "## Limits", "## Training data", "| dice mean |", "val (4 cases)", "T = "):
        assert words in card
    assert "| sensitivity malignant |" in card and "| nan" not in card


def test_the_trained_model_predicts(drafted, data):
    prediction = Predictor(drafted, "cpu").predict(read_image(data / "images" / "test-0.png"))
    assert prediction.report["diagnosis"]["label"] in ("benign", "malignant")
    assert prediction.report["diagnosis"]["calibrated"] and prediction.layers.shape == (1, 1, 40, 40)


def test_without_a_recipe_the_descriptor_is_read_off_the_data(drafted):
    descriptor = drafted.descriptor
    assert descriptor["id"] == "my-discs-1" and descriptor["title"] == "My discs 1"
    assert descriptor["kind"] == "2d" and descriptor["input"]["channels"] == 1
    assert [row["id"] for row in descriptor["diagnosis"]["classes"]] == ["benign", "malignant"]
    assert [(row["id"], row["value"]) for row in descriptor["segmentation"]["segments"]] == [("lesion", 1)]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(data, tmp_path):
    recipe = TINY.changed(augmentation=Augmentation(erase_lesions=0.3, transpose=0.3, colour=0.1))
    hashes = [
        trained(data, tmp_path / f"{index}", recipe.changed(seed=seed)).descriptor["weights"]["sha256"]
        for index, seed in enumerate((3, 3, 4))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_an_interrupted_training_can_be_resumed(data, tmp_path, monkeypatch):
    recipe, output = TINY.changed(epochs=2), tmp_path / "model"
    step, epochs = ResFormerModule.training_step, []

    def interrupted(module, batch, index):
        if module.current_epoch == 1:
            raise KeyboardInterrupt
        return step(module, batch, index)

    ctrl_c = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(ResFormerModule, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(data, output, recipe)
    signal.signal(signal.SIGINT, ctrl_c)  # Lightning has switched it off
    assert not output.exists()

    def watched(module, batch, index):
        epochs.append(module.current_epoch)
        return step(module, batch, index)

    monkeypatch.setattr(ResFormerModule, "training_step", watched)
    bundle = trained(data, output, recipe, resume=True)
    assert set(epochs) == {1}
    assert load_bundle(bundle.folder).descriptor["training"]["epochs"] == 2


def test_resuming_a_finished_training_only_makes_the_bundle_again(data, tmp_path, monkeypatch):
    first = trained(data, tmp_path / "model").descriptor
    monkeypatch.setattr(ResFormerModule, "training_step", lambda *arguments: pytest.fail("trained again"))
    again = trained(data, tmp_path / "model", resume=True).descriptor
    assert again["weights"]["sha256"] == first["weights"]["sha256"] and again["results"] == first["results"]


def test_resuming_goes_on_with_the_newest_of_several_runs(data, tmp_path, monkeypatch):
    for _ in range(2):
        trained(data, tmp_path / "model")
    resumed_from = []
    monkeypatch.setattr(
        "lightning.Trainer.fit", lambda *arguments, ckpt_path=None: resumed_from.append(ckpt_path) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        trained(data, tmp_path / "model", resume=True)
    newest = max((tmp_path / "model.training").glob("last*.ckpt"), key=lambda path: path.stat().st_mtime)
    assert resumed_from == [newest] and newest.name != "last.ckpt"


def refusal(*arguments, **options) -> EngineError:
    with pytest.raises(EngineError) as caught:
        trained(*arguments, **options)
    return caught.value


def test_there_must_be_something_to_resume(data, tmp_path):
    assert refusal(data, tmp_path / "model", resume=True).code == "NOTHING_TO_RESUME"


def test_a_recipe_says_what_the_model_is(data, tmp_path):
    recipe = tiny_recipe()
    before = copy.deepcopy(recipe.descriptor)
    descriptor = trained(data, tmp_path / "model", recipe).descriptor
    assert descriptor["id"] == "tiny" and descriptor["title"] == "Tiny model"
    assert recipe.descriptor == before  # a recipe may be used again


def several_values(picture, mask):
    halves = np.where(mask > 0, 1 + (np.arange(mask.shape[1]) > mask.shape[1] // 2), 0).astype(np.uint8)
    return picture, halves


def as_volume(picture, mask):
    return np.stack([picture, picture // 2, picture]), np.stack([mask, mask, 0 * mask])


def as_colour(picture, mask):
    return np.dstack([picture, picture // 2, picture // 3]), mask


def test_exclusive_segments_can_be_trained(tmp_path):
    data = write_discs(tmp_path / "data", change=several_values)
    descriptor = trained(data, tmp_path / "model").descriptor
    assert descriptor["segmentation"]["exclusive"] is True and descriptor["network"]["exclusive"] is True
    assert [row["value"] for row in descriptor["segmentation"]["segments"]] == [1, 2]
    assert {"dice_segment_1", "dice_segment_2"} <= descriptor["results"][0]["metrics"].keys()
    assert descriptor["diagnosis"]["rule"] == "mean"


def test_volumes_and_colour_can_be_trained(tmp_path):
    volumes = write_discs(tmp_path / "volumes", {"train": 4, "val": 2}, change=as_volume, suffix=".nii.gz")
    bundle = trained(volumes, tmp_path / "volume-model")
    assert bundle.descriptor["kind"] == "volume"
    assert bundle.descriptor["calibration"]["fitted_on"].endswith("6 slices")
    pictures = load_dataset(write_discs(tmp_path / "pictures", {"train": 4, "val": 2}, change=as_colour), "train")
    drafted = draft_descriptor("colour", pictures, (32, 32))
    assert drafted["input"]["channels"] == 3 and drafted["input"]["intensity"]["method"] == "fixed"


def test_without_masks_only_the_diagnosis_is_learnt(tmp_path):
    data = write_discs(tmp_path / "data", masks=False)
    bundle = trained(data, tmp_path / "model")
    assert bundle.descriptor["segmentation"] is None and bundle.descriptor["network"]["segments"] == 0
    report = Predictor(bundle, "cpu").predict(read_image(data / "images" / "test-0.png")).report
    assert report["segments"] == [] and report["diagnosis"]["label"] in ("benign", "malignant")


def test_without_labels_only_the_outline_is_learnt(tmp_path):
    data = write_discs(tmp_path / "data", labels=False)
    bundle = trained(data, tmp_path / "model")
    assert bundle.descriptor["diagnosis"] is None and bundle.descriptor["calibration"] is None
    assert Predictor(bundle, "cpu").predict(read_image(data / "images" / "test-0.png")).report["diagnosis"] is None


def test_a_set_with_neither_is_refused(tmp_path):
    data = write_discs(tmp_path / "data", masks=False, labels=False)
    error = refusal(data, tmp_path / "model")
    assert error.code == "DATASET_INVALID" and "nothing to learn" in str(error)


def test_a_set_without_validation_cases_is_refused(tmp_path):
    error = refusal(write_discs(tmp_path / "data", {"train": 4, "test": 1}), tmp_path / "model")
    assert error.code == "DATASET_INVALID" and "4 training and 0 validation cases" in str(error)


def test_no_patient_is_in_two_splits(tmp_path):
    rows = [
        {"id": name, "label": "x", "split": split, "group": group}
        for name, split, group in (
            ("a", "train", "p1"), ("b", "train", "p2"), ("c", "val", "p2"), ("d", "val", "p3"), ("e", "test", "p3"),
            ("f", "train", "p3"), ("g", "val", "p4"),
        )
    ]  # fmt: skip
    for row in rows:
        write_pixels(tmp_path / "images" / f"{row['id']}.png", np.zeros((4, 4), np.uint8))
    splits = Splits.load(write_table(tmp_path, rows))
    assert [[case.id for case in cases] for cases in (splits.train, splits.val, splits.test)] == [
        ["a"], ["c", "g"], ["e"]
    ]  # fmt: skip


def test_train_is_a_command(data, tmp_path, capsys):
    recipe = {"descriptor": tiny_recipe().descriptor, "training": {"network": TINY_NETWORK, "batch_size": 3}}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    arguments = ["train", data, "--output", tmp_path / "model", "--recipe", tmp_path / "recipe.json", "--epochs", 1]
    arguments += ["--device", "cpu", "--workers", 0, "--seed", 5, "--size", 32, 48]
    assert main([str(argument) for argument in arguments]) == 0
    printed = capsys.readouterr()
    assert f"--model {tmp_path / 'model'}" in printed.out and "val (4 cases): dice_mean" in printed.out
    descriptor = load_bundle(tmp_path / "model").descriptor
    assert descriptor["training"]["recipe"]["seed"] == 5 and descriptor["input"]["size"] == [32, 48]


def test_the_recipes_of_the_package_are_complete():
    assert recipe_names() == ["brain-tumor-mr", "skin-lesion"]
    for name in recipe_names():
        recipe = load_recipe(name)
        config = network_config(recipe.descriptor, recipe)
        assert config.segments == 1 and config.diagnoses == 3 and recipe.preset == "small"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        ('{"descriptor": {}}', "training"),
        ('{"descriptor": {}, "training": {"epoch": 3}}', "epoch"),
        ('{"descriptor": {}, "training": {"augmentation": {"warp": 1}}}', "warp"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused_with_what_it_needs(tmp_path, content, words):
    (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(EngineError) as caught:
        load_recipe(str(tmp_path / "recipe.json"))
    assert caught.value.code == "RECIPE_INVALID" and words in str(caught.value) and "epochs" in caught.value.hint


def test_an_unknown_recipe_is_answered_with_the_known_ones():
    with pytest.raises(EngineError) as caught:
        load_recipe("lungs")
    assert caught.value.code == "RECIPE_NOT_FOUND" and "skin-lesion" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"preset": "huge"}, "RECIPE_INVALID", "no preset “huge”"),
        ({"network": {"width": 3}}, "RECIPE_INVALID", "width"),
        ({"network": {"dropout": 2}}, "RECIPE_INVALID", "dropout"),
        ({"descriptor": {"input": {}}}, "RECIPE_INVALID", "channels"),
    ],
)
def test_an_impossible_recipe_is_refused(data, tmp_path, changes, code, words):
    error = refusal(data, tmp_path / "model", TINY.changed(**changes))
    assert error.code == code and words in str(error)


def test_a_fault_of_the_descriptor_is_found_before_training_and_not_after_it(data, tmp_path):
    recipe = tiny_recipe()
    del recipe.descriptor["intended_use"]
    recipe.descriptor["segmentation"]["treshold"] = 0.4
    error = refusal(data, tmp_path / "model", recipe)
    assert error.code == "MODEL_DESCRIPTOR_INVALID"
    assert "intended_use is missing" in str(error) and "treshold" in str(error)
    assert not (tmp_path / "model.training").exists()


def test_slices_are_prepared_as_in_prediction_and_know_what_is_missing(tmp_path):
    data = write_discs(tmp_path / "data", {"train": 3}, change=as_volume, suffix=".nii.gz")
    (data / "masks" / "train-1.nii.gz").unlink()
    table = (data / "labels.csv").read_text().replace("train-2,benign", "train-2,never heard of")
    (data / "labels.csv").write_text(table)
    told = []
    arrays = load_arrays(load_dataset(data), tiny_descriptor(), progress=lambda *counts: told.append(counts))
    assert arrays.images.shape == (9, 1, 32, 32) and arrays.images.dtype == torch.float16
    assert arrays.masks.shape == (9, 1, 32, 32) and arrays.masks.unique().tolist() == [0, 1]
    assert arrays.has_mask.tolist() == [True] * 3 + [False] * 3 + [True] * 3
    assert arrays.labels.tolist() == [0] * 3 + [1] * 3 + [UNKNOWN] * 3
    assert not arrays.masks[2].any() and arrays.masks[0].any()  # the third slice has an empty mask
    assert told == [(1, 3), (2, 3), (3, 3)]


def samples(count: int = 12) -> SliceArrays:
    masks = torch.zeros(count, 1, 32, 32, dtype=torch.uint8)
    masks[:, :, 12:18, 10:15] = 1
    images = torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(0)).half()
    return SliceArrays(images + masks.half(), masks, torch.ones(count, dtype=bool), torch.arange(count) % 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_variations_follow_from_the_seed_alone_and_each_process_has_its_own(workers):
    def batches() -> list[torch.Tensor]:
        vary = build_augmentation(Augmentation(noise=0.5, erase_lesions=0.3), (32, 32), seed=1)
        arrays = samples()
        arrays = SliceArrays(arrays.images * 0, arrays.masks, arrays.has_mask, arrays.labels, vary)
        return [batch["image"] for batch in _loaders(arrays, samples(2), Recipe(batch_size=4, seed=1), workers)[0]]

    first, second = batches(), batches()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a, b) for index, a in enumerate(first) for b in first[index + 1 :])


def test_variation_keeps_image_and_mask_together():
    vary = build_augmentation(Augmentation(transpose=0.5, noise=0, intensity=0, blur=0), (32, 32), seed=0)
    arrays = samples()
    arrays = SliceArrays(arrays.masks.half(), arrays.masks, arrays.has_mask, arrays.labels, vary)
    changed = 0
    for index in range(len(arrays)):
        sample = arrays[index]
        assert sample["mask"].unique().tolist() in ([0, 1], [0])
        assert ((sample["image"] > 0.5).float() - sample["mask"]).abs().mean() < 0.02
        changed += not torch.equal(sample["mask"], arrays.masks[index].float())
    assert changed > len(arrays) / 2


def erased(sample: dict, seed: int = 0) -> dict:
    return EraseLesions(prob=0.5).set_random_state(seed)(sample)


def sample(mask: bool = True, has_mask: bool = True) -> dict:
    picture = torch.zeros(1, 64, 64)
    lesion = torch.zeros(1, 64, 64)
    lesion[:, 20:30, 24:34] = 1
    image = picture + 3 * lesion
    return {
        "image": image, "mask": lesion * mask, "has_mask": torch.tensor(has_mask), "label": torch.tensor(1)
    }  # fmt: skip


def test_erasing_paints_a_lesion_over_and_empties_its_mask_or_leaves_both():
    emptied = 0
    for seed in range(20):
        before = sample()
        after = erased(before, seed)
        assert before["mask"].any() and before["image"].max() == 3  # the stored sample is not touched
        if after["mask"].any():
            assert torch.equal(after["mask"], before["mask"]) and after["label"] == 1
            assert after["image"][before["mask"] > 0].min() == 3  # what was painted lies beside the lesion
        else:
            emptied += 1
            assert after["label"] == UNKNOWN and after["has_mask"]
            assert after["image"].max() < 0.01
    assert 4 <= emptied <= 16


@pytest.mark.parametrize("lacking", [{"mask": False}, {"has_mask": False}])
def test_erasing_leaves_pictures_without_an_outlined_lesion_alone(lacking):
    for seed in range(10):
        before = sample(**lacking)
        after = erased(before, seed)
        assert torch.equal(after["image"], before["image"]) and after["label"] == 1


def loss_of(config: NetworkConfig, weight: float = 0.5) -> MultiTaskLoss:
    return MultiTaskLoss(config, None, label_smoothing=0.0, diagnosis_weight=weight)


def batch(segments: int = 1, diagnoses: int = 2) -> tuple[Logits, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    logits = Logits(torch.randn(3, segments, 8, 8, requires_grad=True), torch.randn(3, diagnoses, requires_grad=True))
    masks = (torch.rand(3, segments, 8, 8) > 0.7).float()
    return logits, masks, torch.tensor([True, True, True]), torch.tensor([0, 1, 1])


def test_the_loss_weighs_its_two_tasks():
    losses = loss_of(NetworkConfig(), 0.25)(*batch())
    assert losses.keys() == {"segmentation", "diagnosis", "loss"}
    assert losses["loss"].item() == pytest.approx((losses["segmentation"] + 0.25 * losses["diagnosis"]).item())


def test_an_unknown_label_teaches_no_diagnosis():
    logits, masks, has_mask, _ = batch()
    losses = loss_of(NetworkConfig())(logits, masks, has_mask, torch.tensor([0, UNKNOWN, UNKNOWN]))
    losses["loss"].backward()
    assert logits.diagnosis.grad[0].any() and not logits.diagnosis.grad[1:].any()
    only_first = torch.nn.functional.cross_entropy(logits.diagnosis[:1], torch.tensor([0]))
    assert losses["diagnosis"].item() == pytest.approx(only_first.item())


def test_a_missing_mask_teaches_no_outline():
    logits, masks, _, labels = batch()
    losses = loss_of(NetworkConfig())(logits, masks, torch.tensor([True, False, False]), labels)
    losses["loss"].backward()
    assert logits.segmentation.grad[0].any() and not logits.segmentation.grad[1:].any()
    alone = loss_of(NetworkConfig())(Logits(logits.segmentation[:1], None), masks[:1], torch.tensor([True]), labels[:1])
    assert losses["segmentation"].item() == pytest.approx(alone["segmentation"].item())


def test_a_batch_that_teaches_nothing_has_a_loss_of_nought():
    logits, masks, has_mask, labels = batch()
    losses = loss_of(NetworkConfig())(logits, masks, ~has_mask, labels * 0 + UNKNOWN)
    losses["loss"].backward()
    assert losses.keys() == {"loss"} and losses["loss"] == 0 and not logits.segmentation.grad.any()


def test_an_empty_mask_is_something_to_learn():
    logits, masks, has_mask, labels = batch()
    losses = loss_of(NetworkConfig())(logits, masks * 0, has_mask, labels)
    losses["loss"].backward()
    assert torch.isfinite(losses["loss"]) and logits.segmentation.grad.sum() > 0  # away from the foreground


def test_right_logits_have_less_loss_than_wrong_ones_also_for_exclusive_segments():
    for exclusive in (False, True):
        config = NetworkConfig(segments=2, exclusive=exclusive)
        masks = torch.zeros(1, 2, 8, 8)
        masks[:, 0, :3], masks[:, 1, 3:6] = 1, 1
        channels = torch.cat([1 - masks.sum(1, keepdim=True), masks], 1) if exclusive else masks
        score = loss_of(config)
        facts = masks, torch.tensor([True]), torch.tensor([UNKNOWN])
        right, wrong = (score(Logits(sign * (20 * channels - 10), None), *facts)["loss"] for sign in (1, -1))
        assert right < 0.1 < wrong
        assert torch.equal(binary_masks(Logits(20 * channels - 10, None), exclusive), masks)


def test_exclusive_masks_become_channel_numbers():
    masks = torch.zeros(1, 2, 1, 3)
    masks[0, 0, 0, 1] = masks[0, 1, 0, 2] = 1
    assert exclusive_target(masks).flatten().tolist() == [0, 1, 2]


def test_rare_classes_weigh_more():
    labels = torch.tensor([0] * 8 + [1] * 2 + [UNKNOWN] * 5)
    assert class_weights(labels, 2, 0.0).tolist() == [1, 1]
    weights = class_weights(labels, 2, 0.5)
    assert (weights[1] / weights[0]).item() == pytest.approx(2)
    assert ((8 * weights[0] + 2 * weights[1]) / 10).item() == pytest.approx(1)
    assert torch.isfinite(class_weights(labels, 3, 0.5)).all()  # a class without a case


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_fitting_recovers_a_known_temperature(temperature):
    generator = torch.Generator().manual_seed(0)
    honest = 2 * torch.randn(20_000, 3, generator=generator)
    labels = torch.multinomial(honest.softmax(1), 1, generator=generator)[:, 0]
    assert fit_temperature(temperature * honest, labels) == pytest.approx(temperature, rel=0.05)
