"""The same image gives the same mask wherever and however the application was started."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bed.one_run import maskOfRun
from helpers.paths import withHelpers


@pytest.fixture(scope="module")
def model(models) -> Path:
    return models / "turned"


def start(model: Path, *arguments: str, folder: Path | None = None, **environment: str) -> subprocess.Popen:
    # Slicer has no module of the working directory on its path, as Python itself has with -m.
    safe = ["-P"] if sys.version_info >= (3, 11) else []
    return subprocess.Popen(
        [sys.executable, *safe, "-m", "bed.one_run", str(model), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=withHelpers() | environment,
    )  # fmt: skip


def maskOf(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "Traceback" not in err, err[-3000:]
    return out.splitlines()[-1]


@pytest.fixture(scope="module")
def expected(bed, module, model) -> str:
    """Of this application, with its own worker."""
    mask = maskOfRun(module, model)
    bed.scene.Clear(False)
    return mask


def test_applications_in_odd_surroundings_that_run_at_once_give_the_same_mask(model, expected, tmp_path):
    """Several oddities together, as each start of an application takes seconds; the long test below tells which it was.

    One has a decimal comma, where such a locale can be made.
    """
    folder = oddFolder(tmp_path)
    strayModules(folder)
    odd = {"TMPDIR": str(folder), "LC_ALL": "C", "PYTHONOPTIMIZE": "1", "HOME": str(tmp_path / "gone"), "LANG": "tr_TR"}
    started = [start(model, folder=folder, **odd)]
    if withComma(tmp_path):
        started.append(start(model, "de_DE.UTF-8", LOCPATH=str(tmp_path), LC_ALL="de_DE.UTF-8"))
    assert {maskOf(process) for process in started} == {expected}


def withComma(folder: Path) -> bool:
    """Makes a German locale in the folder; False where that is impossible."""
    if shutil.which("localedef") is None:
        return False
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")], capture_output=True)
    return made.returncode in (0, 1)  # 1: with warnings


@pytest.mark.parametrize(
    "oddity",
    ["temporary folder", "long temporary folder", "stray modules", "C locale", "optimised", "no home", "threads"],
)
def test_each_oddity_gives_the_same_mask(model, expected, tmp_path, oddity):
    folder, environment = tmp_path, {}
    if oddity == "temporary folder":
        environment["TMPDIR"] = str(oddFolder(tmp_path))
    elif oddity == "long temporary folder":
        folder = tmp_path.joinpath(*["x" * 60] * 3)
        folder.mkdir(parents=True)
        environment["TMPDIR"] = str(folder)
    elif oddity == "stray modules":
        strayModules(folder)
    else:
        environment |= {
            "C locale": {"LC_ALL": "C"}, "optimised": {"PYTHONOPTIMIZE": "1"}, "no home": {"HOME": "/nowhere"},
            "threads": {"OMP_NUM_THREADS": "2"},
        }[oddity]  # fmt: skip
    assert maskOf(start(model, folder=folder, **environment)) == expected


def oddFolder(parent: Path) -> Path:
    folder = parent / "Bilder für  'Frau %20 Müller' & 頭 #1"
    folder.mkdir()
    return folder


def strayModules(folder: Path) -> None:
    """Files of a user that happen to have the names of modules, in the folder that the application was started in."""
    for name in ("torch", "onnxruntime", "resformer_unet", "json"):
        (folder / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
