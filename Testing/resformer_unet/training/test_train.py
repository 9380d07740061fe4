"""Training on drawn data sets with a tiny network: from a folder to a bundle that predicts."""

from __future__ import annotations

import copy
import csv
import json
import shutil
import signal
from pathlib import Path

import pytest
import torch

from helpers.generated_dataset import write_discs
from helpers.tiny_model import TINY_NETWORK, tiny_descriptor

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from helpers.tiny_training import TINY, trained
from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle, load_bundle
from resformer_unet.training.loop.losses import MultiTaskLoss
from resformer_unet.training.loop.module import ResFormerModule
from resformer_unet.training.setup.recipe import Augmentation, Recipe

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:.*(does not have many workers|Checkpoint directory|log directory|tensorboard).*"
    ),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


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
    """A model trained without a recipe's descriptor, for two epochs, and stress-tested."""
    output = tmp_path_factory.mktemp("trained") / "My Discs_1"
    return trained(data, output, TINY.changed(epochs=2), stress=True)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> Path:
    """The folder of a training of one epoch that has finished: "model" and "model.training"."""
    folder = tmp_path_factory.mktemp("finished")
    trained(data, folder / "model")
    return folder


@pytest.fixture
def finished_before(finished, tmp_path) -> ModelBundle:
    """The model of a copy of it in the test's own folder, as if that training had been there."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return load_bundle(tmp_path / "model")


def test_training_writes_a_complete_bundle(drafted):
    folder = drafted.folder
    files = ["README.md", "dice.svg", "learning-curves.png", "model.json", "reliability.svg", "report-card.html"]
    files += ["risk-coverage.svg", "shifts.svg"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*files, "network.onnx", "weights.safetensors"])
    descriptor = load_bundle(folder).descriptor
    assert descriptor["training"]["recipe"]["network"] == TINY_NETWORK
    assert descriptor["training"]["epochs"] == 2 and descriptor["training"]["device"] == "cpu"
    assert descriptor["network"]["levels"] == TINY_NETWORK["levels"]
    assert [row["split"] for row in descriptor["results"]] == ["val", "test"]
    assert [row["cases"] for row in descriptor["results"]] == [4, 2]
    assert {"dice_mean", "accuracy", "macro_auc"} <= descriptor["results"][0]["metrics"].keys()
    calibration = descriptor["calibration"]
    assert calibration is None or calibration["fitted_on"].startswith("validation split, 4 cases of 4 patients")
    leftovers = {path.name for path in folder.parent.iterdir()} - {folder.name, f"{folder.name}.training"}
    assert leftovers == set()


def test_no_model_is_stress_tested_unasked(finished):
    assert "shifts.svg" not in {path.name for path in (finished / "model").iterdir()}
    assert "stress" not in json.loads((finished / "model.training" / "evaluation-test.json").read_text("utf-8"))


def test_the_log_and_the_evaluations_are_written_beside_the_bundle(drafted):
    work = drafted.folder.with_name(drafted.folder.name + ".training")
    files = {"best.ckpt", "last.ckpt", "metrics.csv", "tensorboard", "evaluation-val.json", "evaluation-test.json"}
    assert files <= {path.name for path in work.iterdir()}
    assert list((work / "tensorboard").glob("events.out.tfevents*"))
    report = json.loads((work / "evaluation-test.json").read_text("utf-8"))
    assert report["cases"] == 2
    dice = report["segmentation"]["dice"]["mean"]
    assert drafted.descriptor["results"][1]["metrics"]["dice_mean"] == pytest.approx(dice, abs=1e-4)


def test_the_figures_of_each_epoch_are_a_table_and_a_picture(drafted):
    work = drafted.folder.with_name(drafted.folder.name + ".training")
    with (work / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["step"]) for row in rows] == [("1", "2"), ("2", "4")]
    assert all(0 < float(row["utilisation"]) <= 1 and float(row["train_loss"]) > 0 for row in rows)
    for folder in (work, drafted.folder):
        picture = read_image(folder / "learning-curves.png").voxels
        assert picture.shape[1:3] == (360, 900) and picture.std() > 5


def test_the_trained_model_is_listed_among_the_models(drafted, monkeypatch, capsys):
    monkeypatch.setenv("RESFORMER_UNET_MODELS", str(drafted.folder.parent))
    assert main(["models"]) == 0
    assert "my-discs-1" in capsys.readouterr().out


def test_the_model_card_says_what_was_measured_and_for_what_it_is(drafted):
    card = (drafted.folder / "README.md").read_text("utf-8")
    for words in ("Not a medical device", "## Limits", "## Training data", "| dice mean |", "val (4 cases)"):
        assert words in card
    assert "| sensitivity malignant |" in card and "| nan" not in card


def test_the_trained_model_predicts(drafted, data):
    prediction = Predictor(drafted, "cpu").predict(read_image(data / "images" / "test-0.png"))
    assert prediction.report["diagnosis"]["label"] in ("benign", "malignant")
    assert prediction.report["diagnosis"]["calibrated"] is (drafted.descriptor["calibration"] is not None)
    assert prediction.layers.shape == (1, 1, 40, 40)


def test_without_a_recipe_the_descriptor_is_read_off_the_data(drafted):
    descriptor = drafted.descriptor
    assert descriptor["id"] == "my-discs-1" and descriptor["title"] == "My discs 1"
    assert descriptor["kind"] == "2d" and descriptor["input"]["channels"] == 1
    assert [row["id"] for row in descriptor["diagnosis"]["classes"]] == ["benign", "malignant"]
    assert [(row["id"], row["value"]) for row in descriptor["segmentation"]["segments"]] == [("lesion", 1)]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(data, tmp_path):
    recipe = TINY.changed(
        augmentation=Augmentation(lesion_inpainting=0.3, transpose=0.3, colour=0.1, mixup=0.3, cutmix=0.3)
    )
    hashes = [
        trained(data, tmp_path / f"{index}", recipe.changed(seed=seed)).descriptor["weights"]["sha256"]
        for index, seed in enumerate((3, 3, 4))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_seed_may_be_larger_than_those_of_numpy(data, tmp_path):
    assert trained(data, tmp_path / "model", TINY.changed(seed=2**40)).descriptor["training"]["recipe"]["seed"] == 2**40


def interrupted_in_the_second_epoch(data: Path, output: Path, recipe: Recipe) -> None:
    step, ctrl_c = ResFormerModule.training_step, signal.getsignal(signal.SIGINT)

    def interrupted(module, batch, index):
        if module.current_epoch == 1:
            raise KeyboardInterrupt
        return step(module, batch, index)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(ResFormerModule, "training_step", interrupted)
        trained(data, output, recipe)
    signal.signal(signal.SIGINT, ctrl_c)  # Lightning has switched it off


def test_a_damaged_checkpoint_of_the_best_epoch_is_noticed_before_the_training_goes_on(data, tmp_path, monkeypatch):
    recipe, best = TINY.changed(epochs=2), tmp_path / "model.training" / "best.ckpt"
    interrupted_in_the_second_epoch(data, tmp_path / "model", recipe)
    best.write_bytes(best.read_bytes()[:-100])
    monkeypatch.setattr(ResFormerModule, "training_step", lambda *arguments: pytest.fail("trained"))
    error = refusal(data, tmp_path / "model", recipe, resume=True)
    assert error.code == "CHECKPOINT_UNUSABLE" and "best.ckpt" in error.message


def test_an_interrupted_training_can_be_resumed(data, tmp_path, monkeypatch):
    recipe, output = TINY.changed(epochs=2), tmp_path / "model"
    step, epochs = ResFormerModule.training_step, []
    interrupted_in_the_second_epoch(data, output, recipe)
    assert not output.exists()

    def watched(module, batch, index):
        epochs.append(module.current_epoch)
        return step(module, batch, index)

    monkeypatch.setattr(ResFormerModule, "training_step", watched)
    bundle = trained(data, output, recipe, resume=True)
    assert set(epochs) == {1}
    assert load_bundle(bundle.folder).descriptor["training"]["epochs"] == 2


def test_the_last_epoch_is_kept_to_resume_from_also_when_it_is_not_the_best(data, tmp_path, monkeypatch):
    log_dict = ResFormerModule.log_dict

    def worsening(module, figures, **options):
        if "val_score" in figures:
            figures = {**figures, "val_score": torch.tensor(-float(module.current_epoch))}
        log_dict(module, figures, **options)

    monkeypatch.setattr(ResFormerModule, "log_dict", worsening)
    trained(data, tmp_path / "model", TINY.changed(epochs=6))
    epochs = {
        path.name: torch.load(path, weights_only=True)["epoch"] for path in (tmp_path / "model.training").glob("*.ckpt")
    }
    assert epochs == {"best.ckpt": 4, "last.ckpt": 5}  # the first of the last third


def test_resuming_a_finished_training_only_makes_the_bundle_again(data, finished_before, tmp_path, monkeypatch):
    first = finished_before.descriptor
    monkeypatch.setattr(ResFormerModule, "training_step", lambda *arguments: pytest.fail("trained again"))
    again = trained(data, tmp_path / "model", resume=True).descriptor
    assert again["weights"]["sha256"] == first["weights"]["sha256"] and again["results"] == first["results"]


def test_the_files_of_an_earlier_training_are_moved_aside_and_not_overwritten(data, finished_before, tmp_path):
    notes = []
    checkpoint = (tmp_path / "model.training" / "last.ckpt").read_bytes()
    trained(data, tmp_path / "model", note=notes.append)
    assert (tmp_path / "model.training.1" / "last.ckpt").read_bytes() == checkpoint
    assert any(str(tmp_path / "model.training.1") in line for line in notes)
    assert (tmp_path / "model.training" / "last.ckpt").is_file()


def refusal(*arguments, **options) -> EngineError:
    with pytest.raises(EngineError) as caught:
        trained(*arguments, **options)
    return caught.value


def test_resuming_needs_an_interrupted_training(data, tmp_path):
    assert refusal(data, tmp_path / "model", resume=True).code == "NOTHING_TO_RESUME"


def test_a_recipe_says_what_the_model_is(data, tmp_path):
    recipe = tiny_recipe()
    before = copy.deepcopy(recipe.descriptor)
    descriptor = trained(data, tmp_path / "model", recipe).descriptor
    assert descriptor["id"] == "model" and descriptor["title"] == "Tiny model"
    assert recipe.descriptor == before  # a recipe may be used again


def test_a_set_with_neither_is_refused(tmp_path):
    data = write_discs(tmp_path / "data", masks=False, labels=False)
    error = refusal(data, tmp_path / "model")
    assert error.code == "DATASET_INVALID" and "nothing to learn" in str(error)


def test_a_set_without_validation_cases_is_refused(tmp_path):
    error = refusal(write_discs(tmp_path / "data", {"train": 4, "test": 1}), tmp_path / "model")
    assert error.code == "DATASET_INVALID" and "4 training and 0 validation cases" in str(error)


def test_train_is_a_command(data, tmp_path, capsys):
    recipe = {
        "descriptor": tiny_recipe().descriptor,
        "training": {"network": TINY_NETWORK, "pretrained": "none", "batch_size": 3},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    arguments = ["train", data, "--output", tmp_path / "model", "--recipe", tmp_path / "recipe.json", "--epochs", 1]
    arguments += ["--device", "cpu", "--workers", 0, "--seed", 5, "--size", 32, 48]
    assert main([str(argument) for argument in arguments]) == 0
    printed = capsys.readouterr()
    assert f"--model {tmp_path / 'model'}" in printed.out and "val (4 cases): dice_mean" in printed.out
    descriptor = load_bundle(tmp_path / "model").descriptor
    assert descriptor["training"]["recipe"]["seed"] == 5 and descriptor["input"]["size"] == [32, 48]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"preset": "huge"}, "RECIPE_INVALID", "no preset “huge”"),
        ({"network": {"width": 3}}, "RECIPE_INVALID", "width"),
        ({"network": {"dropout": 2}}, "RECIPE_INVALID", "dropout"),
        ({"descriptor": {"input": {}}}, "RECIPE_INVALID", "channels"),
        ({"descriptor": {"input": {"channels": 3}, "segmentation": None}}, "RECIPE_INVALID", "diagnosis"),
        (
            {"descriptor": {"input": {"channels": 3}, "segmentation": None, "diagnosis": {"classes": [{}, {}]}}},
            "MODEL_DESCRIPTOR_INVALID",
            "id is missing",
        ),
    ],
)
def test_an_invalid_recipe_is_refused_before_the_data_are_read(data, tmp_path, changes, code, words):
    read = []
    error = refusal(data, tmp_path / "model", TINY.changed(**changes), progress=lambda *counts: read.append(counts))
    assert error.code == code and words in str(error) and not read


def test_an_error_in_the_descriptor_is_found_before_training_and_not_after_it(data, tmp_path):
    recipe = tiny_recipe()
    del recipe.descriptor["intended_use"]
    recipe.descriptor["segmentation"]["treshold"] = 0.4
    error = refusal(data, tmp_path / "model", recipe)
    assert error.code == "MODEL_DESCRIPTOR_INVALID"
    assert "intended_use is missing" in str(error) and "treshold" in str(error)
    assert not (tmp_path / "model.training").exists()


def test_what_a_recipe_says_of_its_data_holds_for_the_data_set_of_its_name_only(data, tmp_path):
    recipe = tiny_recipe()
    foreign = trained(data, tmp_path / "model", recipe).descriptor
    assert foreign["training"]["data"] == [
        {"name": "discs", "cases": 6, "licence": "not stated", "citation": "not stated"}
    ]
    assert foreign["licence"] == "not stated"
    recipe.descriptor["id"] = "discs"
    own = trained(data, tmp_path / "model", recipe).descriptor
    assert own["training"]["data"] == [{**recipe.descriptor["training"]["data"][0], "cases": 6}]
    assert own["licence"] == recipe.descriptor["licence"]


def test_labels_and_diagnoses_must_be_the_same(data, tmp_path):
    recipe = tiny_recipe()
    recipe.descriptor["diagnosis"]["classes"][0]["id"] = "healthy"
    error = refusal(data, tmp_path / "model", recipe)
    assert error.code == "LABELS_UNKNOWN" and "benign" in str(error) and "healthy" in str(error)
    recipe = tiny_recipe()
    recipe.descriptor["diagnosis"]["classes"].append({"id": "cyst", "name": "Cyst", "code": None})
    error = refusal(data, tmp_path / "model", recipe)
    assert error.code == "CLASS_WITHOUT_CASES" and "cyst" in str(error)


def test_a_training_is_not_resumed_with_other_settings(data, finished_before, tmp_path):
    error = refusal(data, tmp_path / "model", TINY.changed(learning_rate=0.5, epochs=4), resume=True)
    assert error.code == "RUN_DIFFERS" and "training.recipe.learning_rate" in str(error)


def test_a_training_is_not_resumed_once_a_training_case_became_a_test_case(data, finished_before, tmp_path):
    changed = shutil.copytree(data, tmp_path / data.name)
    trained(changed, tmp_path / "model", resume=True)  # a copy of the data is the same data
    rows = (changed / "labels.csv").read_text("utf-8")
    exchanged = rows.replace("train-0", "\0").replace("test-0", "train-0").replace("\0", "test-0")
    (changed / "labels.csv").write_text(exchanged, "utf-8")
    error = refusal(changed, tmp_path / "model", resume=True)
    assert error.code == "RUN_DIFFERS" and "data set has changed" in str(error)


def test_a_training_that_diverges_says_so_and_keeps_its_checkpoints(data, tmp_path, monkeypatch):
    forward, calls = MultiTaskLoss.forward, []

    def diverging(loss, *arguments):
        calls.append(arguments)
        return {name: x * (1.0 if len(calls) <= 2 else float("nan")) for name, x in forward(loss, *arguments).items()}

    monkeypatch.setattr(MultiTaskLoss, "forward", diverging)
    error = refusal(data, tmp_path / "model", TINY.changed(epochs=3))  # of two steps each
    assert error.code == "TRAINING_DIVERGED" and "epoch 2" in str(error)
    assert (tmp_path / "model.training" / "best.ckpt").is_file() and not (tmp_path / "model").exists()


def test_progress_and_metrics_are_reported(data, tmp_path):
    told, notes = [], []
    trained(
        data,
        tmp_path / "model",
        TINY.changed(epochs=2),
        progress=lambda what, done, total: told.append((what, done, total)),
        note=notes.append,
    )
    assert ("training", 4, 4) in told and ("evaluating test", 2, 2) in told
    epochs = [line for line in notes if line.startswith("epoch ")]
    assert len(epochs) == 2 and epochs[1].startswith("epoch 2 of 2: ") and "val_dice" in epochs[1]
    assert any("CPU utilisation" in line for line in notes)
