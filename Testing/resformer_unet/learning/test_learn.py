"""A model is trained further on a small set: with its own segments and diagnoses, paused, gone on with, refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.generated_dataset import write_discs
from helpers.paths import MODULE_FOLDER
from helpers.tiny_model import save_tiny

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.atomic_files import disk_full
from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError
from resformer_unet.learning.learn import _begun, _resumed, learn
from resformer_unet.learning.run_state import STATE, LearningState, read_state, unfinished
from resformer_unet.learning.time_estimate import estimate_time
from resformer_unet.model.bundle import load_bundle
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.training.setup.options import TrainOptions
from resformer_unet.training.setup.run_folder import is_running, running
from resformer_unet.training_set.contents import list_cases


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny").folder)


@pytest.fixture(scope="module")
def discs(tmp_path_factory) -> Path:
    return write_discs(tmp_path_factory.mktemp("data") / "discs", {"train": 6, "val": 2, "test": 2})


def refused(code: str, function, *arguments, **options) -> EngineError:
    with pytest.raises(EngineError) as caught:
        function(*arguments, **options)
    assert caught.value.code == code
    return caught.value


def begun(output: Path, data: Path, initial: str, **options: int) -> LearningState:
    """A training that has noted that it began, and no more."""
    state = _begun(output, data, initial, TrainOptions(**options), list_cases(data))
    state.save()
    return state


def program(*arguments: object) -> subprocess.Popen:
    """``learn`` as Slicer starts it: events on its standard output, its standard input held open."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}  # the file finds its package by itself
    command = [sys.executable, str(MODULE_FOLDER / "resformer_unet" / "__main__.py"), "learn", "--json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*command, *map(str, arguments)], env=environment, **pipes)


def events(process: subprocess.Popen):
    for line in process.stdout:
        yield json.loads(line)


def test_the_new_model_keeps_the_meaning_of_the_old_one_and_says_that_it_saw_few_cases(discs, tiny, tmp_path):
    assert main(["learn", str(discs), "--init", tiny, "--output", str(tmp_path / "Mine"), "--epochs", "2",
                 "--workers", "0", "--device", "cpu"]) == 0  # fmt: skip
    old, new = load_bundle(Path(tiny)), load_bundle(tmp_path / "Mine")
    for part in ("segmentation", "diagnosis", "input"):
        assert new.descriptor[part] == old.descriptor[part]
    assert NetworkConfig(**new.descriptor["network"]) == NetworkConfig(**old.descriptor["network"])
    assert (new.id, new.title, new.descriptor["version"]) == ("mine", "Tiny model, trained further", "1.1.0")
    assert new.descriptor["limits"][0].startswith("Trained further on only 6 cases")
    assert new.descriptor["training"]["recipe"]["initial"] == "tiny 1.0.0" and new.descriptor["network_onnx"]
    assert read_state(tmp_path / "Mine").finished and not unfinished(tmp_path)
    refused("OUTPUT_EXISTS", learn, discs, tmp_path / "Mine", tiny, TrainOptions())
    refused("NOTHING_TO_RESUME", learn, discs, tmp_path / "Mine", tiny, TrainOptions(resume=True))


def test_the_estimate_is_measured_and_writes_nothing(discs, tiny, tmp_path, capsys):
    before = sorted(path.name for path in discs.rglob("*"))
    few = estimate_time(discs, tiny, TrainOptions(epochs=2, workers=0), "cpu")
    many = estimate_time(discs, tiny, TrainOptions(epochs=2000, workers=0), "cpu")
    assert few.steps == 2 and many.steps == 2000 and 0 < few.step_seconds < 5
    assert few.seconds + 1000 * few.step_seconds < many.seconds + few.seconds
    assert sorted(path.name for path in discs.rglob("*")) == before
    assert main(["learn", str(discs), "--init", tiny, "--estimate", "--epochs", "2", "--device", "cpu"]) == 0
    assert "about 1 minute (2 epochs, 2 steps)" in capsys.readouterr().out


def test_a_training_pauses_when_its_program_ends_and_goes_on(discs, tiny, tmp_path):
    output = tmp_path / "mine"
    arguments = [discs, "--init", tiny, "--output", output, "--epochs", 6, "--workers", 0, "--device", "cpu"]
    process = program(*arguments)
    for event in events(process):
        if event["event"] == "note" and event["text"].startswith("epoch 2 of 6"):
            refused("TRAINING_RUNNING", learn, discs, output, tiny, TrainOptions(resume=True))
            assert is_running(output)
            break
    process.stdin.close()  # as when Slicer ends, in whatever way
    assert process.wait(20) == 75
    assert [state.output for state in unfinished(tmp_path)] == [str(output)] and not is_running(output)
    assert (tmp_path / "mine.training" / "last.ckpt").exists()

    resumed = program(*arguments, "--resume")
    seen = list(events(resumed))
    assert resumed.wait(20) == 0 and seen[-1]["event"] == "result" and not unfinished(tmp_path)
    epochs = [event["text"].split(":")[0] for event in seen if event["event"] == "note" and "epoch " in event["text"]]
    assert epochs[-1] == "epoch 6 of 6" and "epoch 1 of 6" not in epochs
    assert seen[-1]["results"][-1]["split"] == "test"


def test_a_set_that_changed_in_the_pause_is_not_gone_on_with(discs, tiny, tmp_path):
    (tmp_path / "mine.training").mkdir()
    LearningState(str(discs), str(tmp_path / "mine"), tiny, {}, ("other",)).save()
    refused("TRAINING_SET_CHANGED", learn, discs, tmp_path / "mine", tiny, TrainOptions(resume=True))
    refused("RUN_DIFFERS", learn, discs, tmp_path / "mine", "another", TrainOptions(resume=True))


def test_another_case_under_the_name_of_a_removed_one_is_noticed(discs, tiny, tmp_path):
    output, data = tmp_path / "mine", shutil.copytree(discs, tmp_path / "discs")
    state = begun(output, data, tiny)
    assert _resumed(output, data, tiny, TrainOptions(), list_cases(data)) == state
    moved = shutil.copytree(data, tmp_path / "moved")
    assert _resumed(output, moved, tiny, TrainOptions(), list_cases(moved)).data == state.data
    rows = (data / "labels.csv").read_text("utf-8")
    exchanged = rows.replace("train-0", "\0").replace("test-0", "train-0").replace("\0", "test-0")
    (data / "labels.csv").write_text(exchanged, "utf-8")
    refused("TRAINING_SET_CHANGED", learn, data, output, tiny, TrainOptions(resume=True))


def test_a_training_is_gone_on_with_by_its_own_settings_and_others_are_refused(discs, tiny, tmp_path):
    output, cases = tmp_path / "mine", list_cases(discs)
    begun(output, discs, tiny, epochs=3, workers=1)
    error = refused("RUN_DIFFERS", _resumed, output, discs, tiny, TrainOptions(epochs=5, seed=2), cases)
    assert "other settings: epochs, seed" in error.message
    state = _resumed(output, discs, tiny, TrainOptions(epochs=3, workers=0), cases)
    assert state.options["epochs"] == 3 and state.options["workers"] == 0
    assert _resumed(output, discs, tiny, TrainOptions(), cases).options["workers"] == 1


def test_a_training_that_was_refused_leaves_its_name_free(discs, tiny, tmp_path):
    data = shutil.copytree(discs, tmp_path / "discs")
    mask = data / "masks" / "train-0.png"
    whole = mask.read_bytes()
    mask.write_bytes(whole[:100])
    options = TrainOptions(epochs=1, workers=0)
    refused("CORRUPT_IMAGE", learn, data, tmp_path / "mine", tiny, options, "cpu")
    refused("NOTHING_TO_RESUME", learn, data, tmp_path / "mine", tiny, TrainOptions(resume=True), "cpu")
    mask.write_bytes(whole)
    assert learn(data, tmp_path / "mine", tiny, options, "cpu").folder == tmp_path / "mine"


def test_a_training_whose_disk_is_full_at_once_leaves_its_name_free(discs, tiny, tmp_path, monkeypatch):
    def full(_state: object) -> None:
        raise disk_full(tmp_path)

    with monkeypatch.context() as patched:
        patched.setattr(LearningState, "save", full)
        refused("DISK_FULL", learn, discs, tmp_path / "mine", tiny, TrainOptions())
    assert _begun(tmp_path / "mine", discs, tiny, TrainOptions(), list_cases(discs)) is not None


def test_a_state_of_an_earlier_version_is_gone_on_with_by_its_cases_names(discs, tiny, tmp_path):
    state = begun(tmp_path / "mine", discs, tiny)
    file = state.work / STATE
    earlier = json.loads(file.read_text("utf-8"))
    del earlier["data"]
    file.write_text(json.dumps(earlier), "utf-8")
    assert _resumed(tmp_path / "mine", discs, tiny, TrainOptions(), list_cases(discs)).data is None


def test_two_programs_that_begin_the_same_training_do_not_mix(discs, tiny, tmp_path):
    both = [program(discs, "--init", tiny, "--output", tmp_path / "mine", "--epochs", 1, "--workers", 0,
                    "--device", "cpu") for _ in range(2)]  # fmt: skip
    ends = [list(events(process))[-1] for process in both]
    assert sorted(end["event"] for end in ends) == ["error", "result"]
    assert next(end for end in ends if end["event"] == "error")["code"] in ("OUTPUT_EXISTS", "TRAINING_RUNNING")
    for process in both:
        process.wait(20)


def test_the_lock_of_a_training_ends_with_its_process(tmp_path):
    (tmp_path / "mine.training").mkdir()
    code = (
        "import sys, time\nfrom resformer_unet.training.setup.run_folder import running\n"
        "with running(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDER)}
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "mine")], env=environment, stdout=-1)
    assert process.stdout.readline() == b"held\n" and is_running(tmp_path / "mine")
    process.kill()
    process.wait()
    ends = time.monotonic() + 60
    while is_running(tmp_path / "mine"):
        assert time.monotonic() < ends
    with running(tmp_path / "mine"):
        pass
