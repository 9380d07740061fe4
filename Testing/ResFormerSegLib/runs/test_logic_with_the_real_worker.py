"""The whole way with the real engine in its own process: a volume of the scene, an untrained model, nodes in the scene.

The result of an untrained network means nothing, so these tests compare the nodes with the engine's own report.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume, parentItem, sceneState, segmentArray, stateOf
from helpers.scene_sequences import makeSequence


@pytest.fixture
def process(scene, logic, models):
    """`process(volume, "grey")`: the logic as users call it."""

    def run(volume, model: str, **options):
        return logic.process(volume, str(models / model), device="cpu", **options)

    return run


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("grey", {"oblique": True}),
        ("grey", {"shape": (1, 40, 50)}),
        ("grey", {"className": "vtkMRMLLabelMapVolumeNode", "dtype": np.uint8}),
        ("exclusive", {}),
        ("colour", {"shape": (1, 40, 50, 3), "className": "vtkMRMLVectorVolumeNode", "dtype": np.uint8}),
        ("colour", {"shape": (3, 40, 50, 3), "className": "vtkMRMLVectorVolumeNode", "dtype": np.uint8}),
    ],
    ids=str,
)
def test_nodes_agree_with_the_report_and_the_volume_stays_as_it_was(process, model, kind):
    volume = makeVolume(**{"shape": (4, 40, 50), **kind})
    before = stateOf(volume)
    result = process(volume, model)
    assert stateOf(volume) == before
    masks = {row["id"]: segmentArray(result.segmentationNode, row["id"], volume) for row in result.report["segments"]}
    assert any(mask.any() and not mask.all() for mask in masks.values())
    for row in result.report["segments"]:
        assert masks[row["id"]].sum() == row["voxels"]
    axis = result.report["slice_axis"]["array_axis"]
    for row in result.report["slices"]:
        assert {name: mask.take(row["index"], axis).sum() for name, mask in masks.items()} == row["voxels"]
    assert result.tableNode.GetNumberOfRows() == len(result.report["slices"])
    assert result.diagnosis == max(result.probabilities, key=result.probabilities.get)
    assert sum(result.probabilities.values()) == pytest.approx(1)
    assert result.segmentationNode.GetSegmentation().GetNumberOfLayers() == (2 if model == "grey" else 1)


def test_results_lie_beside_the_volume_and_under_its_transform(scene, process):
    volume = makeVolume(shape=(4, 40, 50))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    result = process(volume, "grey")
    assert result.segmentationNode.GetParentTransformNode() is transform
    assert parentItem(result.segmentationNode) == parentItem(volume)


def test_the_slice_axis_can_be_chosen(process):
    volume = makeVolume(shape=(34, 40, 50))
    result = process(volume, "grey", sliceAxis="sagittal")
    assert result.report["slice_axis"]["plane"] == "sagittal"
    assert result.tableNode.GetNumberOfRows() == 50


def test_slices_smoothing_and_probability_maps_can_be_asked_for(process):
    volume = makeVolume(shape=(6, 40, 50))
    result = process(volume, "grey", slices=(2, 4), smoothingMm=1.0, minimumAreaMm2=2.0, probabilityMaps=True)
    assert [row["index"] for row in result.report["slices"]] == [2, 3, 4]
    for row in result.report["segments"]:
        mask = segmentArray(result.segmentationNode, row["id"], volume)
        assert mask.sum() == row["voxels"] and not mask[[0, 1, 5]].any()
        share = slicer.util.arrayFromVolume(result.probabilityMapNodes[row["id"]])
        assert share.shape == (6, 40, 50) and share.max() <= 100 and not share[[0, 1, 5]].any()


@pytest.mark.parametrize(
    ("slices", "text"),
    [(None, ""), ((2, 4), "Only slices 2 to 4 of 0 to 5 were"), ((3, 3), "Only slice 3 of 0 to 5 was"), ((0, 5), "")],
)
def test_a_result_of_some_slices_says_that_its_sizes_are_of_these(process, slices, text):
    result = process(makeVolume(shape=(6, 40, 50)), "grey", slices=slices)
    messages = [row["message"] for row in result.warnings if row["code"] == "SLICES_OMITTED"]
    assert len(messages) == bool(text) and all(message.startswith(text) for message in messages)


def test_a_sequence_of_some_slices_says_so_once(scene, logic, models):
    frames = [np.random.default_rng(index).integers(0, 200, (4, 40, 50)).astype(np.int16) for index in range(2)]
    volume, *_ = makeSequence(frames)
    result = logic.processSequence(volume, str(models / "grey"), device="cpu", slices=(1, 2))
    [message] = [row["message"] for row in result.warnings if row["code"] == "SLICES_OMITTED"]
    assert message.startswith("Only slices 1 to 2 of 0 to 3")


def makeHeart(radius: float, name: str):
    """A cylinder of blood in its wall, with the right ventricle beside it; radius in pixels. Noisy, as all images."""
    y, x = np.mgrid[:64, :64]
    left, right = np.hypot(y - 32, x - 36), np.hypot(y - 32, x - 10) < 7
    picture = np.where(left < radius, 200, np.where(left < radius + 5, 90, np.where(right, 180, 30)))
    node = makeVolume(shape=(5, 64, 64), name=name)
    noise = np.random.default_rng(int(radius)).normal(0, 25, (5, 64, 64))
    slicer.util.updateVolumeFromArray(node, (picture + noise).clip(0, 255).astype(np.int16))
    return node


def test_a_patient_is_diagnosed_from_the_segmentations_in_the_scene(scene, logic, models):
    hearts = makeHeart(16, "Full"), makeHeart(11, "Empty")
    result = logic.processPatient(*hearts, modelId=models / "heart", device="cpu")
    volumes = {}
    for part, volume in zip((result.first, result.second), hearts, strict=True):
        millilitres = np.prod(volume.GetSpacing()) / 1000
        lv, rv = (segmentArray(part.segmentationNode, name, volume).sum() * millilitres for name in ("lv", "rv"))
        volumes[volume.GetName()] = lv, rv
    full, empty = sorted(volumes, key=volumes.get, reverse=True)
    assert result.patient["cases"] == [full, empty]
    function = result.patient["cardiac_function"]
    assert function["lvedv_ml"] == pytest.approx(volumes[full][0])
    assert function["rvedv_ml"] == pytest.approx(volumes[full][1])
    assert function["lvef"] == pytest.approx(1 - volumes[empty][0] / volumes[full][0])
    assert sum(result.patient["diagnosis"]["probabilities"].values()) == pytest.approx(1)
    again = logic.processPatient(*hearts[::-1], modelId=models / "heart", device="cpu")
    assert again.patient == result.patient


def test_a_model_of_single_images_diagnoses_no_patient(scene, logic, models):
    from ResFormerSegLib.errors import ResFormerSegError

    with pytest.raises(ResFormerSegError) as caught:
        logic.processPatient(makeVolume(), makeVolume(), modelId=models / "grey", device="cpu")
    assert caught.value.code == "MODEL_WITHOUT_PATIENTS" and "Tiny model" in caught.value.message


def test_a_diagnosis_is_explained_and_the_result_compared_on_the_worker_that_made_it(process, logic, models):
    volume = makeVolume(shape=(4, 40, 50))
    result = process(volume, "grey")
    explanation = logic.explain(volume, str(models / "grey"), device="cpu", diagnosis=result.diagnosis)
    saliency = slicer.util.arrayFromVolume(explanation.saliencyNode)
    assert saliency.shape == (4, 40, 50) and 0 <= saliency.min() and saliency.max() <= 1
    assert explanation.diagnosis == result.diagnosis and explanation.method and explanation.citation
    node = result.segmentationNode
    rows = logic.compare(node, node, volume)
    assert {row["id"]: row["volume_first_ml"] for row in rows} == pytest.approx(
        {row["id"]: row["volume_mm3"] / 1000 for row in result.report["segments"]}
    )
    assert all(row["dice"] in (1, None) for row in rows)


def test_the_engine_names_devices_and_versions(logic):
    answer = logic.devices()
    assert any(row["id"] == "cpu" and row["usable"] for row in answer["devices"])
    assert answer["versions"]["torch"] and answer["versions"]["resformer_unet"]


def test_a_model_removed_after_it_was_chosen_is_named(process, logic, models, tmp_path):
    from ResFormerSegLib.errors import ResFormerSegError

    folder = tmp_path / "mine"
    shutil.copytree(models / "grey", folder)
    volume = makeVolume(shape=(4, 40, 50))
    logic.process(volume, folder, device="cpu")
    shutil.rmtree(folder)
    with pytest.raises(ResFormerSegError) as caught:
        logic.process(volume, folder, device="cpu")
    assert caught.value.code == "MODEL_NOT_FOUND" and "mine" in caught.value.message


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"model": "no such model"}, "MODEL_NOT_FOUND"),
        ({"device": "quantum"}, "DEVICE_UNKNOWN"),
        ({"constant": True}, "CONSTANT_IMAGE"),
    ],
    ids=str,
)
def test_an_error_of_the_engine_arrives_with_code_and_hint_and_changes_nothing(scene, logic, models, options, code):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume(shape=(4, 40, 50))
    if options.get("constant"):
        slicer.util.updateVolumeFromArray(volume, np.full((4, 40, 50), 7, np.int16))
    before = sceneState()
    with pytest.raises(ResFormerSegError) as caught:
        logic.process(volume, options.get("model", str(models / "grey")), options.get("device", "cpu"))
    assert sceneState() == before
    assert caught.value.code == code
    assert caught.value.message and caught.value.hint


def test_a_run_is_cancelled(scene, process):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume(shape=(200, 64, 64))
    before = sceneState()
    with pytest.raises(ResFormerSegError) as caught:
        process(volume, "grey", isCancelled=lambda: True)
    assert caught.value.code == "CANCELLED"
    assert sceneState() == before


def test_names_beyond_ascii_come_through(process):
    result = process(makeVolume(shape=(4, 40, 50), name="Kopf Übersicht 頭"), "grey")
    assert result.report["case"] == "Kopf Übersicht 頭"


def test_the_run_brings_no_torch_into_the_application_process(process):
    before = set(sys.modules)
    process(makeVolume(shape=(4, 40, 50)), "grey")
    assert "torch" not in set(sys.modules) - before


def test_a_heart_is_evaluated_over_its_cycle_and_again_with_other_phases(scene, logic, models):
    from helpers.scene_sequences import makeSequence

    frames = np.random.default_rng(0).integers(0, 255, (5, 3, 40, 36)).astype(np.int16)
    frames = np.append(frames, 0 * frames[:1], 0)  # a black one, which has no result
    volume, _, _ = makeSequence(frames)
    result = logic.processSequence(volume, str(models / "heart"), device="cpu", heightCm=180, weightKg=80)
    heart = result.heart
    curve = [row["segments"]["lv"]["volume_mm3"] / 1000 for row in result.frames[:5]]
    assert result.frames[5]["error"] == "CONSTANT_IMAGE" and heart["curves"]["lv_ml"][5] is None
    assert heart["curves"]["lv_ml"][:5] == pytest.approx(curve) and heart["body"]["surface_m2"] == pytest.approx(2)
    assert (heart["end_diastole"], heart["end_systole"]) == (np.argmax(curve), np.argmin(curve))
    order = [int(number) for number in np.argsort(curve)]
    before = sceneState()
    again = logic.evaluateCine(result, str(models / "heart"), endDiastole=order[3], endSystole=order[1])
    assert (again.heart["end_diastole"], again.heart["end_systole"]) == (order[3], order[1])
    assert sceneState() == before and result.heart == heart
    assert again.heart["body"] == heart["body"] and again.heart["indexed"] is not None
    phases = [again.tableNode.GetCellText(row, again.tableNode.GetNumberOfColumns() - 2) for row in range(5)]
    assert phases[order[3]] == "end-diastole" and phases[order[1]] == "end-systole" and phases.count("") == 3
    with pytest.raises(Exception) as caught:
        logic.evaluateCine(result, str(models / "heart"), endDiastole=order[0], endSystole=order[4])
    assert caught.value.code == "PHASES_SWAPPED"


# --- the last one, as the worker of the others ends with it


@pytest.fixture
def workerIn(logic, monkeypatch):
    """`workerIn(folder)`: the next run starts a worker of its own, which gets this working directory."""
    logic.cleanup()
    yield monkeypatch.chdir
    logic.cleanup()


def test_the_working_directory_counts_for_models_and_for_nothing_else(
    scene, logic, models, monkeypatch, tmp_path, workerIn
):
    """One worker for all three, as its start takes seconds: a model folder and the folder of models may be relative to
    the working directory, and no module is imported from there."""
    if sys.version_info >= (3, 11):  # Python 3.10 has no PYTHONSAFEPATH
        (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')")
    shutil.copytree(models / "grey", tmp_path / "own")
    shutil.copytree(models / "exclusive", tmp_path / "more" / "another")
    monkeypatch.setenv("RESFORMER_UNET_MODELS", "more")
    workerIn(tmp_path)
    for reference in (Path("own"), "another"):
        result = logic.process(makeVolume(shape=(4, 40, 50)), modelId=reference, device="cpu")
        assert result.report["model"]["id"] == "tiny" and result.diagnosis
        assert result.segmentationNode.GetSegmentation().GetNumberOfLayers() == (1 if reference == "another" else 2)
