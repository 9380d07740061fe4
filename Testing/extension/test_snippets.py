"""Every code block of the documents is run as it stands, in a folder and a scene as the text around it describes."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.generated_dataset import write_discs, write_pixels
from helpers.paths import MODELS, MODULE_FOLDER, ROOT, TESTING

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# Blocks that are no code: a diagram, the layout of a folder, a table.
NO_CODE = ("flowchart TB", "DATASET/labels.csv", "id,label,split,group")
# Lines that the tests cannot run: they fetch from the network, or are programs of others.
NOT_RUN = (
    "pip install ",
    "git clone ",
    "cd ",
    "python3 -m venv ",
    "training/bin/pip ",
    "dask ",
    "make ",
    "python benchmarks/",  # tested in Testing/benchmarks
    "CUDA_VISIBLE",
)
# Trainings that take hours, and a cluster at an address of the reader's: their arguments are checked only.
PARSED = ("resformer-unet train ", "resformer-unet learn ", "--cluster ")


def blocks(language: str) -> list[tuple[str, str]]:
    """(document, text) of each code block in the language; "" are command lines."""
    found = [(page.name, match) for page in DOCUMENTS for match in FENCED.finditer(page.read_text(encoding="utf-8"))]
    texts = [(name, re.sub(f"^{match[1]}", "", match[3], flags=re.MULTILINE), match[2]) for name, match in found]
    return [(name, text) for name, text, given in texts if given == language and not text.startswith(NO_CODE)]


def commandLines(document: str) -> list[str]:
    """Without comments, in their order."""
    lines = [line for name, text in blocks("") if name == document for line in text.splitlines()]
    return list(filter(None, (shlex.join(shlex.split(line, comments=True)) for line in lines)))


TUTORIAL = [line for line in commandLines("tutorial.md") if not line.startswith(NOT_RUN)]
OTHERS = sorted({name for name, _ in blocks("")} - {"tutorial.md"})


def test_there_are_snippets_to_run():
    assert len(blocks("python")) >= 2 and len(TUTORIAL) >= 4
    assert {"README.md", "bigger-jobs.md", "data-format.md", "evaluation.md", "training.md"} <= set(OTHERS)
    assert {language for page in DOCUMENTS for _, language, _ in FENCED.findall(page.read_text(encoding="utf-8"))} <= {
        "", "python", "mermaid"
    }  # fmt: skip


# --- Python


@pytest.fixture
def describedScene(scene, module, monkeypatch):
    """A head of the name that the README gives, a heart as a sequence, and Sample Data with this module's samples."""
    import slicer

    from bed.every_input import addVolume
    from extension.slicer_modules import SampleData
    from golden.cases import PATIENT, golden_cases
    from helpers.scene_sequences import makeSequence
    from ResFormerSegLib.sample_data import registerSampleData

    monkeypatch.setitem(sys.modules, "SampleData", SampleData)
    monkeypatch.setattr(slicer.modules, "sampleDataSources", {}, raising=False)
    registerSampleData()
    case = golden_cases()["head"]
    addVolume(case.voxels, case.affine, "Brain")
    makeSequence([golden_cases()[name].voxels for name in PATIENT], "Cine")
    return scene


@pytest.mark.parametrize(("document", "text"), blocks("python"), ids=lambda value: value[:30])
def test_a_python_snippet_runs_in_the_console(describedScene, module, document, text):
    import slicer

    names = {"__name__": "__main__", "slicer": slicer}  # the console has this one, but no module of the extension
    try:
        exec(compile(text, document, "exec"), names)
    finally:
        module.ResFormerSegLogic().cleanup()
    result = names["result"]
    if document == "sequences.md":
        assert len(result.frames) == 2 and result.heart["diagnosis"] and result.segmentationNode is not None
        return
    assert result.diagnosis and 0 < result.probability <= 1
    assert result.segmentationNode.GetScene() is slicer.mrmlScene and result.tableNode.GetNumberOfRows() > 1


# --- command lines


@pytest.fixture
def described(tmp_path, monkeypatch) -> Path:
    """A folder that holds what the command lines name."""
    from golden.cases import PATIENT, golden_cases
    from helpers.sequences import write_nifti

    hearts = [golden_cases()[name] for name in PATIENT]
    write_nifti(tmp_path / "cine.nii.gz", np.stack([heart.voxels for heart in hearts]), hearts[0].affine)
    case = golden_cases()["head"]
    (tmp_path / "studies").mkdir()
    for target in (tmp_path / "head.nii.gz", tmp_path / "studies" / "one.nii.gz"):
        written = type(case)("x", case.model, case.voxels, case.affine, False, ".nii.gz").write(tmp_path)
        shutil.move(written, target)
    correct(tmp_path / "head.nii.gz", tmp_path / "head-corrected.nii.gz")
    (tmp_path / "studies.txt").write_text("studies/one.nii.gz\n")
    for name in ("DATASET", "my-moles"):
        drawMoles(tmp_path / name)
    for folder in ("my-model", "my-models/my-model", "my-models/my-skin"):
        shutil.copytree(MODELS / "skin-lesion", tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    return tmp_path


def drawMoles(folder: Path) -> None:
    """Pictures in colour with the diagnoses of the skin model, as small as it takes them."""
    labels = itertools.cycle(["nevus", "melanoma", "seborrheic_keratosis"])
    write_discs(folder, {"train": 6, "val": 3, "test": 3}, labels=False)
    for path in (folder / "images").iterdir():
        grey = read(path)
        write_pixels(path, np.stack([grey, grey // 2 + 60, grey // 3 + 90], -1).astype(np.uint8))
    table = (folder / "labels.csv").read_text().splitlines()
    rows = [line.split(",") for line in table[1:]]
    text = [table[0], *(",".join([row[0], next(labels), *row[2:]]) for row in rows)]
    (folder / "labels.csv").write_text("\n".join(text) + "\n")


def correct(image: Path, mask: Path) -> None:
    """A mask on the image's grid."""
    import SimpleITK as sitk

    sitk.WriteImage(sitk.ReadImage(str(image)) > 100, str(mask))


def read(path: Path) -> np.ndarray:
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@pytest.mark.parametrize("document", OTHERS)
def test_the_command_lines_of_a_document_run_one_after_the_other(described, monkeypatch, capsys, document):
    from resformer_unet.cli import main as cli

    for line in commandLines(document):
        if line.startswith(NOT_RUN):
            continue
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip("'").partition("=")
            monkeypatch.setenv(name, os.path.expandvars(value))
            continue
        program, *arguments = shlex.split(line)
        assert program == "resformer-unet", f"{document}: nothing is known of {line}"
        if any(words in line for words in PARSED):
            cli.build_parser().parse_args(arguments)
        else:
            assert cli.main(arguments) == 0, f"{line}\n{capsys.readouterr()}"


def test_the_tutorials_training_runs_as_it_is_typed(tmp_path):
    """Draws the data set, checks it, trains, and predicts: about a minute."""
    programs = tmp_path / "training" / "bin"
    programs.mkdir(parents=True)
    for name, start in (("python", ""), ("resformer-unet", "-m resformer_unet")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        (programs / name).chmod(0o755)
    (tmp_path / "Testing").symlink_to(TESTING)
    environment = os.environ | {"PYTHONPATH": f"{MODULE_FOLDER}{os.pathsep}{TESTING}", "OMP_NUM_THREADS": "2"}
    for line in TUTORIAL:
        run = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"
    assert (tmp_path / "results" / "spot0003.seg.nrrd").is_file()
    assert (tmp_path / "spot-model" / "report-card.html").is_file()
