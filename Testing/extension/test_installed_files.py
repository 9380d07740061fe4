"""CMake installs every file of the module, and nothing else."""

from pathlib import Path

from helpers import staging
from helpers.paths import MODULE_FOLDER, ROOT

NOT_INSTALLED = {"CMakeLists.txt", "Testing", "__pycache__"}


def filesBelow(folder: Path) -> set[str]:
    """Relative paths of all files that the module consists of."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {
        path.as_posix() for path in files if not any(part in NOT_INSTALLED or part[0] == "." for part in path.parts)
    }


def test_every_file_of_the_module_is_installed_and_no_other(staged):
    installed = filesBelow(staged.moduleFolder)
    assert installed == filesBelow(MODULE_FOLDER)
    for name in ("ResFormerSeg.py", "ResFormerSegLib/runs/__init__.py", "resformer_unet/model/model.schema.json"):
        assert name in installed


def test_tests_and_leftovers_are_not_installed(tmp_path):
    source = tmp_path / "source"
    names = ("ResFormerSeg.py", "ResFormerSegLib/a/b.py", "resformer_unet/c.py", "resformer_unet/d.json", "Resources/e")
    leftovers = ("resformer_unet/Testing/t.py", "ResFormerSegLib/a/__pycache__/b.pyc", "Resources/.cache/x")
    tests = ("Testing/CMakeLists.txt", "Testing/t.py")
    for name in (*names, *leftovers, *tests):
        (source / "ResFormerSeg" / name).parent.mkdir(parents=True, exist_ok=True)
        (source / "ResFormerSeg" / name).touch()
    for name in ("CMakeLists.txt", "ResFormerSeg/CMakeLists.txt", "README.md", "LICENSE.txt"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    folder = staging.stageExtension(tmp_path / "staged", source).moduleFolder
    installed = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert installed == set(names)
