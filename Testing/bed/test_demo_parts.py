"""The demonstration on a synthetic sample with a fake worker: its output, and its work without a network connection."""

import subprocess
import sys

import numpy as np
import pytest
import slicer
from PIL import Image


@pytest.fixture
def offline(monkeypatch):
    """pip fails as it does without a connection."""
    answer = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found for pyradiomics==3.0.1\n")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: answer)


@pytest.fixture
def case(offline, tmp_path):
    from slicer_demo.case import getCase

    return getCase(tmp_path / "cache")


def test_without_a_connection_a_synthetic_sample_is_used_and_the_reason_is_given(case, scene):
    assert case.name == "synthetic-head"
    assert "No matching distribution" in case.origin
    image, reference = (slicer.util.loadVolume(str(path), {}) for path in (case.image, case.reference))
    voxels, tumour = slicer.util.arrayFromVolume(image), slicer.util.arrayFromVolume(reference).astype(bool)
    assert voxels.shape == tumour.shape == (18, 176, 144)
    assert image.GetSpacing() == pytest.approx((1.25, 1.25, 6.0))
    assert voxels[tumour].mean() > 2 * voxels[~tumour].mean()


def test_files_that_are_not_the_expected_ones_are_not_used(offline, tmp_path):
    from slicer_demo.case import getCase

    (tmp_path / "brain1_image.nrrd").write_bytes(b"something else")
    (tmp_path / "brain1_label.nrrd").write_bytes(b"something else")
    assert getCase(tmp_path).name == "synthetic-head"


def test_the_demonstration_leaves_scene_segmentation_report_and_picture(
    case, scene, logicWith, bed, tmp_path, monkeypatch, capsys
):
    import demo
    import slicer_bed

    module = sys.modules["ResFormerSeg"]
    logic = logicWith("overlapping")
    monkeypatch.setattr(module, "ResFormerSegLogic", lambda: logic)
    monkeypatch.setattr(slicer_bed, "loadModule", lambda path: module)
    monkeypatch.setattr(demo, "getCase", lambda cache: case)
    output = tmp_path / "demo"
    monkeypatch.setattr(sys, "argv", ["demo.py", "--output", str(output), "--cache", str(tmp_path / "cache")])
    assert demo.main() == 0
    assert {path.name for path in output.iterdir()} == {
        "scene.mrb",
        "synthetic-head.seg.nrrd",
        "synthetic-head.json",
        "picture.png",
    }
    picture = np.asarray(Image.open(output / "picture.png"))
    assert picture.shape == (1050, 1600, 3)
    for part in (picture[:800, :800], picture[:800, 800:], picture[800:]):  # slice, 3D, diagnosis
        assert part.std() > 10
    printed = capsys.readouterr().out
    assert "Glioma" in printed and "75.0%" in printed and "Dice" in printed and "Not a medical device" in printed
    scene.Clear(False)
    slicer.util.loadScene(str(output / "scene.mrb"), {})
    assert scene.GetFirstNodeByName("synthetic-head segmentation").GetAttribute("ResFormerSeg.Diagnosis") == "glioma"


def test_a_failing_engine_ends_the_demonstration_with_its_message(
    case, scene, logicWith, monkeypatch, tmp_path, capsys
):
    import demo
    import slicer_bed

    module = sys.modules["ResFormerSeg"]
    logic = logicWith("error")
    monkeypatch.setattr(module, "ResFormerSegLogic", lambda: logic)
    monkeypatch.setattr(slicer_bed, "loadModule", lambda path: module)
    monkeypatch.setattr(demo, "getCase", lambda cache: case)
    monkeypatch.setattr(sys, "argv", ["demo.py", "--output", str(tmp_path / "demo")])
    assert demo.main() == 1
    assert "All voxels are equal. Choose another image." in capsys.readouterr().err


def test_dice_of_known_masks():
    from slicer_demo.reference import dice

    first = np.array([True, True, False, False])
    assert dice(first, first) == 1
    assert dice(first, ~first) == 0
    assert dice(first, np.array([True, False, False, False])) == pytest.approx(2 / 3)
