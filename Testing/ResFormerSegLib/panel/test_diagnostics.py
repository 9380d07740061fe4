"""The text for bug reports: what is in it, and what must not be."""

import platform
from types import SimpleNamespace

import pytest

from helpers.scene_helpers import makeVolume

DEVICES = {
    "versions": {"python": "3.12.1", "torch": "2.9.0", "cuda": "12.8", "driver": None},
    "devices": [
        {"id": "cuda:0", "name": "NVIDIA RTX A2000", "usable": False, "reason": "its memory is full"},
        {"id": "cpu", "name": "Some CPU", "usable": True, "reason": None},
    ],
}


def logicThatRan(**lastRun):
    from ResFormerSegLib.engine.keeper import LastRun

    return SimpleNamespace(lastRun=LastRun(**lastRun))


def test_it_names_the_versions_even_before_any_run(scene):
    from ResFormerSegLib.panel.diagnostics import diagnosticsText

    text = diagnosticsText(logicThatRan())
    assert platform.python_version() in text and "Slicer: 5.12" in text and "not started yet" in text
    assert "ResFormerSeg: ?" not in text


def test_it_names_gpu_settings_error_and_log(scene):
    from ResFormerSegLib.errors import ResFormerSegError
    from ResFormerSegLib.panel.diagnostics import diagnosticsText

    logic = logicThatRan(
        devices=DEVICES,
        settings={"model": "brain-tumor-mr", "device": "auto", "options": {"slice_axis": None}},
        error=ResFormerSegError("ENGINE_CRASHED", "The engine crashed on 'Smith head'."),
        log="Traceback\nRuntimeError: CUDA error",
    )
    text = diagnosticsText(logic)
    for part in ("NVIDIA RTX A2000", "its memory is full", "torch 2.9.0", "brain-tumor-mr", "ENGINE_CRASHED"):
        assert part in text
    assert "RuntimeError: CUDA error" in text
    assert "driver" not in text.splitlines()[5]


def test_it_names_no_image_and_no_patient(scene):
    from ResFormerSegLib.errors import ResFormerSegError
    from ResFormerSegLib.panel.diagnostics import diagnosticsText

    makeVolume(name="Smith John")
    log = "Reading /home/anna müller/Smith_John/head.nrrd\nC:\\Users\\Anna\\Smith John\\mr.dcm is broken"
    error = ResFormerSegError("VOLUME_EMPTY", "The volume 'Smith John' holds no voxels.")
    text = diagnosticsText(logicThatRan(settings={"model": "/home/anna/Smith John"}, error=error, log=log))
    for word in ("Smith", "John", "anna", "Anna", "müller", "head.nrrd", "mr.dcm"):
        assert word not in text
    assert "is broken" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/opt/Slicer 5/lib/torch/cuda.py", line 3', 'File "…/cuda.py", line 3'),
        ("no module in C:\\Users\\Eve\\x.dll", "no module in …/x.dll"),
        ("~/data/eve/scan.nii.gz: not found", "…: not found"),
        ("12 of 25 slices, 3.4 ml", "12 of 25 slices, 3.4 ml"),
    ],
)
def test_paths_are_cut_to_what_tells_of_no_person(scene, text, expected):
    from ResFormerSegLib.panel.diagnostics import withoutPaths

    assert withoutPaths(text) == expected


def test_a_long_log_is_cut_to_its_end(scene):
    from ResFormerSegLib.panel.diagnostics import diagnosticsText

    log = "\n".join(f"line {number}" for number in range(500))
    text = diagnosticsText(logicThatRan(log=log))
    assert "line 499" in text and "line 100" not in text
