"""Names of files and folders that are no text, such as those of an old Latin-1 archive, in all that is written."""

from __future__ import annotations

import ast
import json
import os
import sys

import numpy as np
import pytest

from helpers.generated_dataset import write_discs
from helpers.paths import MODULE_FOLDER
from helpers.synthetic_images import write_volume
from helpers.tiny_heart import save_heart
from helpers.tiny_model import save_tiny, tiny_descriptor
from resformer_unet.atomic_files import atomic_write_text, text_bytes
from resformer_unet.cli.main import main

ENGINE = MODULE_FOLDER / "resformer_unet"
NO_TEXT = os.fsdecode(b"M\xfcller")  # as Latin-1 writes Müller

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")


def test_a_name_that_is_no_text_is_read_back_from_json(tmp_path):
    atomic_write_text(tmp_path / "a.json", json.dumps({"input": NO_TEXT, "other": "Müller"}, ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"input": NO_TEXT, "other": "Müller"}
    assert text_bytes("Müller\n") == "Müller\n".encode()


def test_a_patient_is_diagnosed_from_files_whose_names_are_no_text(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (2, 4, 40, 40), np.int16)
    model, inputs = save_heart(tmp_path / "heart").folder, []
    for number, voxels in enumerate(noise):
        image = write_volume(tmp_path / f"{number}.nrrd", voxels, np.diag([1.5, 1.5, 8.0, 1.0]))
        inputs.append(str(image.rename(tmp_path / f"{NO_TEXT}{number}.nrrd")))
    out = tmp_path / "out"
    arguments = ["predict", *inputs, "--model", str(model), "--output", str(out), "--device", "cpu"]
    assert main([*arguments, "--patient", NO_TEXT]) == 0
    (report,) = out.glob("*.patient.json")
    patient = json.loads(report.read_text("utf-8"))
    assert patient["patient"] == NO_TEXT and set(patient["cases"]) == {f"{NO_TEXT}0", f"{NO_TEXT}1"}
    page = ["report", str(report), "--format", "html"]
    assert main(page) == 0


def test_a_data_set_whose_folder_is_no_text_is_evaluated_and_compared(tmp_path):
    data = write_discs(tmp_path / "plain", {"train": 2, "val": 2, "test": 4}).rename(tmp_path / NO_TEXT)
    model = save_tiny(tmp_path / "tiny").folder
    output = tmp_path / NO_TEXT / "evaluation.json"
    assert main(["evaluate", str(data), "--model", str(model), "--output", str(output)]) == 0
    assert json.loads(output.read_text("utf-8"))["cases"] == 4
    other = save_tiny(tmp_path / "other", id="other").folder
    compared = tmp_path / NO_TEXT / "comparison.json"
    assert main(["compare", str(data), "--models", str(model), str(other), "--output", str(compared)]) == 0
    assert json.loads(compared.read_text("utf-8"))


def test_a_training_on_such_a_folder_is_recorded_and_found_again(tmp_path):
    from resformer_unet.learning.run_state import LearningState, read_state
    from resformer_unet.training.setup.run_record import begin_run, check_record

    (tmp_path / "new.training").mkdir()
    state = LearningState(str(tmp_path / NO_TEXT), str(tmp_path / "new"), "tiny", {}, ("a",))
    state.save()
    assert read_state(tmp_path / "new") == state
    descriptor = {**tiny_descriptor(), "training": {"data": [{"name": NO_TEXT}]}}
    begin_run(tmp_path / "new.training", descriptor)
    check_record(tmp_path / "new.training", descriptor)


def test_texts_are_written_by_the_function_that_takes_any_name():
    """Python's own functions end in an error, after all the work, for a name that is no text."""
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(node.func, "attr", None) if isinstance(node, ast.Call) else None
            assert name != "write_text", f"{path.relative_to(ENGINE)}:{node.lineno}"
