"""The commands of the worker and their results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.synthetic_images import write_picture
from helpers.tiny_model import tiny_descriptor, weights_that_segment
from helpers.worker_talk import ENDS, predict_command
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import load_bundle
from resformer_unet.model.saving import save_bundle
from resformer_unet.worker.commands import Commands
from resformer_unet.worker.protocol import SCHEMAS, CommandContext


def test_a_command_gives_progress_and_a_result_on_the_images_grid(worker, models, tmp_path):
    worker.send(**predict_command(tmp_path, models, "a"))
    events = worker.events(ENDS)
    kinds = [event["event"] for event in events]
    assert kinds[0] in ("status", "heartbeat") and "status" in kinds and "heartbeat" in kinds
    assert all(event["id"] == "a" for event in events if event["event"] != "heartbeat")
    progress = [(event["done"], event["total"]) for event in events if event["event"] == "progress"]
    assert progress[-1] == (5, 5)
    result = events[-1]
    assert result["event"] == "result"
    labels = np.load(result["labels"], allow_pickle=False)
    assert labels.shape == (1, 5, 18, 22) and labels.dtype == np.uint8
    assert Path(result["labels"]) == tmp_path / "a" / "labels.npy"
    report = result["report"]
    assert report["case"] == "Gehirn 脳" and report["model"]["id"] == "tiny"
    (segment,) = report["segments"]
    assert segment["voxels"] == int((labels == segment["value"]).sum())
    assert {"layer", "color", "terminology", "name"} <= segment.keys()


def test_the_image_is_not_changed(worker, models, tmp_path):
    command = predict_command(tmp_path, models, "a")
    before = Path(command["image"]["array"]).read_bytes()
    worker.send(**command)
    worker.wait_for("result")
    assert Path(command["image"]["array"]).read_bytes() == before


def test_the_slice_axis_may_be_chosen(worker, models, tmp_path):
    worker.send(**predict_command(tmp_path, models, "a", slices=12, options={"slice_axis": "sagittal"}))
    assert worker.wait_for(*ENDS)["report"]["slice_axis"]["plane"] == "sagittal"


def test_a_range_of_slices_and_probability_maps_may_be_chosen(worker, models, tmp_path):
    worker.send(**predict_command(tmp_path, models, "a"))
    whole = worker.wait_for(*ENDS)
    assert whole["probability_maps"] is None
    worker.send(
        **predict_command(
            tmp_path, models, "b", options={"slices": [1, 3], "probability_maps": True, "smoothing_mm": None}
        )
    )
    part = worker.wait_for(*ENDS)
    assert [row["index"] for row in part["report"]["slices"]] == [1, 2, 3]
    labels = np.load(part["labels"])
    assert not labels[0, [0, 4]].any()
    assert np.array_equal(labels[0, 1:4], np.load(whole["labels"])[0, 1:4])
    maps = np.load(part["probability_maps"])
    assert maps.shape == (1, 5, 18, 22) and maps.dtype == np.uint8 and 0 < maps.max() <= 100


@pytest.mark.parametrize("command", ["predict", "explain"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"slices": [5, 2]}, "The slice range must be the first and the last slice"),
        ({"slices": [-1, 2]}, "but is [-1, 2]"),
        ({"slices": [1]}, "but is [1]"),
        ({"slices": [True, 2]}, "but is [True, 2]"),
        ({"slices": [0.5, 2]}, "but is [0.5, 2]"),
        ({"slice_axis": 1}, "The slice axis must be one of acquisition, axial"),
        ({"slice_axis": "diagonal"}, "but is “diagonal”"),
        ({"colour": "red"}, "no option “colour”"),
        (["axial"], "options must be an object"),
    ],
)
def test_a_bad_option_is_refused_by_predict_and_explain_in_the_same_words(
    worker, models, tmp_path, command, options, words
):
    worker.send(**predict_command(tmp_path, models, "a", command=command, options=options))
    error = worker.wait_for(*ENDS)
    assert error["code"] == "BAD_OPTION" and words in error["message"] and error["hint"]


def test_an_option_of_another_command_is_refused(worker, models, tmp_path):
    for command, options in (("predict", {"diagnosis": "benign"}), ("explain", {"smoothing_mm": 1})):
        worker.send(**predict_command(tmp_path, models, "a", command=command, options=options))
        assert worker.wait_for(*ENDS)["code"] == "BAD_OPTION"


@pytest.mark.parametrize("options", [{"smoothing_mm": -1}, {"min_area_mm2": "10"}, {"probability_maps": "yes"}])
def test_a_value_outside_an_options_range_is_refused(worker, models, tmp_path, options):
    worker.send(**predict_command(tmp_path, models, "a", options=options))
    assert worker.wait_for(*ENDS)["code"] == "BAD_OPTION"


@pytest.mark.parametrize("segments", [("lesion",), ("core", "rim")])
def test_arrays_of_a_picture_that_the_network_sees_transposed_are_written_in_c_order(worker, tmp_path, segments):
    save_transposing(tmp_path / "transposing", segments)
    command = picture_command(tmp_path, "transposing")
    worker.send(**command, command="predict", options={"probability_maps": True})
    result = worker.wait_for(*ENDS)
    worker.send(**command, command="explain")
    paths = [result["labels"], result["probability_maps"], worker.wait_for(*ENDS)["saliency"]]
    for path in paths:
        with open(path, "rb") as file:
            assert np.lib.format.read_magic(file) == (1, 0)
            shape, is_fortran, _ = np.lib.format.read_array_header_1_0(file)
        assert not is_fortran and shape[-3:] == (1, 40, 56)
    labels, image = np.load(result["labels"]), read_image(tmp_path / "picture.png")
    predictor = Predictor(load_bundle(tmp_path / "transposing"), "cpu")
    expected = predictor.predict(image, options=PredictOptions(probability_maps=True))
    assert labels.any() and np.array_equal(labels, expected.layers)
    assert np.array_equal(np.load(result["probability_maps"]), expected.probability_maps)


def save_transposing(folder: Path, segments: tuple[str, ...]) -> None:
    descriptor = tiny_descriptor(segments=segments)
    descriptor["input"]["orientation"] |= {"picture": "transposed", "transpose_tta": True}
    save_bundle(folder, descriptor, weights_that_segment(descriptor), "# Transposing\n")


def picture_command(folder: Path, model: str) -> dict:
    """Content of a command on a picture of 40 rows and 56 columns, without the command's name."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 56), np.uint8)
    image = read_image(write_picture(folder / "picture.png", pixels))
    np.save(folder / "picture.npy", image.voxels)
    (folder / "output").mkdir()
    source = {
        "array": str(folder / "picture.npy"), "affine_lps": image.affine.tolist(), "name": "picture",
        "has_orientation": image.has_orientation,
    }  # fmt: skip
    output = str(folder / "output")
    return {"id": "a", "image": source, "model": str(folder / model), "device": "cpu", "output": output}


def explanation(folder: Path, models: Path, name: str, **changes) -> dict:
    return {**predict_command(folder, models, name), "command": "explain", "options": {}, **changes}


def test_a_diagnosis_is_explained_by_a_map_on_the_images_grid(worker, models, tmp_path):
    worker.send(**explanation(tmp_path, models, "a"))
    events = worker.events(ENDS)
    progress = [(event["done"], event["total"]) for event in events if event["event"] == "progress"]
    assert progress[-1] == (10, 10) and progress == sorted(progress)  # predicted first, then explained
    result = events[-1]
    assert result["event"] == "result" and result["diagnosis"] in ("benign", "malignant")
    assert result["method"] and result["citation"]
    saliency = np.load(result["saliency"])
    assert saliency.shape == (5, 18, 22) and saliency.dtype == np.float32
    assert 0 <= saliency.min() and saliency.max() <= 1


def test_the_diagnosis_and_the_slices_to_explain_may_be_chosen(worker, models, tmp_path):
    worker.send(**explanation(tmp_path, models, "a", options={"diagnosis": "malignant", "slices": [2, 2]}))
    result = worker.wait_for(*ENDS)
    assert result["diagnosis"] == "malignant"
    saliency = np.load(result["saliency"])
    assert not saliency[[0, 1, 3, 4]].any()


def test_a_diagnosis_that_the_model_does_not_know_cannot_be_explained(worker, models, tmp_path):
    worker.send(**explanation(tmp_path, models, "a", options={"diagnosis": "gout"}))
    error = worker.wait_for(*ENDS)
    assert error["event"] == "error" and error["code"] != "INTERNAL" and error["hint"]


def test_an_explanation_can_be_cancelled(worker, models, tmp_path):
    worker.send(
        **explanation(tmp_path, models, "long", image=predict_command(tmp_path, models, "long", slices=20000)["image"])
    )
    worker.wait_for("progress")
    worker.send(command="cancel", id="long")
    assert worker.wait_for(*ENDS)["event"] == "cancelled"


def test_it_names_the_devices_and_the_versions(worker):
    worker.send(command="devices", id="d")
    result = worker.wait_for(*ENDS)
    assert result["devices"] and all({"id", "name", "usable", "reason"} <= row.keys() for row in result["devices"])
    assert any(row["id"] == "cpu" and row["usable"] for row in result["devices"])
    assert {"python", "torch", "resformer_unet", "cuda", "driver"} <= result["versions"].keys()


def test_what_the_user_can_fix_comes_with_code_message_and_hint(worker, models, tmp_path):
    for changes, code in (
        ({"model": "lungs"}, "MODEL_NOT_FOUND"),
        ({"device": "tpu"}, "DEVICE_UNKNOWN"),
        ({"options": {"slice_axis": "diagonal"}}, "BAD_OPTION"),
    ):
        worker.send(**{**predict_command(tmp_path, models, "a"), **changes})
        error = worker.wait_for(*ENDS)
        assert error.keys() == {"event", "id", "code", "message", "hint"}
        assert (error["event"], error["id"], error["code"]) == ("error", "a", code) and error["hint"]


def test_a_missing_or_wrong_entry_of_a_command_is_named(worker, models, tmp_path):
    good = predict_command(tmp_path, models, "a")
    for changes, entry in (
        ({"model": None}, "model"),
        ({"image": None}, "image"),
        ({"image": {**good["image"], "affine_lps": [[1, 0, 0]]}}, "image.affine_lps"),
        ({"image": {**good["image"], "array": str(tmp_path / "gone.npy")}}, "image.array"),
        ({"output": 7}, "output"),
    ):
        worker.send(**{**good, **changes})
        error = worker.wait_for(*ENDS)
        assert (error["id"], error["code"]) == ("a", "BAD_COMMAND") and error["hint"]
        assert f" {entry} " in error["message"]
    worker.send(command="predict", id="x")
    message = worker.wait_for(*ENDS)["message"]
    assert all(f"{entry} is missing" in message for entry in ("model", "image", "output"))


def test_options_and_device_may_be_null_or_absent(worker, models, tmp_path):
    worker.send(**predict_command(tmp_path, models, "a", options=None, device=None))
    assert worker.wait_for(*ENDS)["event"] == "result"
    command = predict_command(tmp_path, models, "a")
    del command["options"], command["device"]
    worker.send(**command)
    assert worker.wait_for(*ENDS)["event"] == "result"


def test_pickled_arrays_are_not_opened(worker, models, tmp_path):
    command = predict_command(tmp_path, models, "a")
    np.save(command["image"]["array"], np.array([{"any": "object"}], object), allow_pickle=True)
    worker.send(**command)
    assert worker.wait_for(*ENDS)["event"] == "error"


def test_a_missing_output_folder_is_reported(worker, models, tmp_path):
    worker.send(**predict_command(tmp_path, models, "a", output=str(tmp_path / "gone")))
    error = worker.wait_for(*ENDS)
    assert error["code"] == "OUTPUT_NOT_WRITABLE" and "gone" in error["message"]


@pytest.mark.parametrize("name", [None, 7, ["predict"], {"predict": 1}])
def test_a_command_whose_name_is_no_text_is_unknown(name):
    with pytest.raises(EngineError) as caught:
        Commands().run({"command": name}, CommandContext("a", print, lambda: False))
    assert caught.value.code == "UNKNOWN_COMMAND"


def test_every_command_has_a_schema():
    assert Commands()._functions.keys() == SCHEMAS.keys()


def run_here(command: dict) -> dict:
    """A command's result, without a process of its own."""
    return Commands().run(command, CommandContext("a", lambda event, **content: None, lambda: False))


@pytest.mark.parametrize("shape", [(3, 4), (5, 4), (4, 3), (4, 5)])
def test_an_affine_that_is_not_4_by_4_is_refused(models, tmp_path, shape):
    command = predict_command(tmp_path, models, "a")
    for wrong in (
        {**command, "image": {**command["image"], "affine_lps": np.eye(*shape).tolist()}},
        {"command": "compare", "first": "", "second": "", "segments": [], "affine_lps": np.eye(*shape).tolist()},
    ):
        with pytest.raises(EngineError, match="affine_lps") as caught:
            run_here(wrong)
        assert caught.value.code == "BAD_COMMAND"


@pytest.mark.parametrize(("given", "has_orientation"), [({}, True), ({"has_orientation": False}, False)])
def test_an_image_has_an_orientation_unless_the_command_denies_it(models, tmp_path, given, has_orientation):
    command = predict_command(tmp_path, models, "a")
    del command["image"]["has_orientation"]
    command["image"] |= given
    report = run_here(command)["report"]
    grid = {"size": [22, 18, 5], "affine_lps": command["image"]["affine_lps"]}
    assert report["grid"] == (grid if has_orientation else None)
    assert (report["segments"][0]["volume_mm3"] is not None) == has_orientation
