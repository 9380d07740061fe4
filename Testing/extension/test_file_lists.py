"""What is not listed in the module's CMakeLists.txt is not shipped."""

import pytest

from helpers import module_files


@pytest.mark.parametrize("name", [module_files.SCRIPTS, module_files.RESOURCES])
def test_every_file_of_the_module_is_listed_for_shipping_and_no_other(name):
    listed = module_files.listedFiles(name)
    hint = "run: python Testing/helpers/module_files.py"
    assert set(listed) == set(module_files.filesInTree()[name]), hint
    assert len(listed) == len(set(listed)), hint


@pytest.fixture
def smallModule(tmp_path, monkeypatch):
    """A module with two scripts and a resource; its CMakeLists.txt lists what the real one lists."""
    for name in ("A.py", "lib/b.py", "lib/c.json", "Testing/t.py", "lib/__pycache__/b.pyc", "lib/.cache/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "CMakeLists.txt").write_bytes(module_files.CMAKE.read_bytes())
    monkeypatch.setattr(module_files, "MODULE", tmp_path)
    monkeypatch.setattr(module_files, "CMAKE", tmp_path / "CMakeLists.txt")


def test_tests_and_leftovers_are_not_shipped(smallModule):
    assert module_files.filesInTree() == {
        module_files.SCRIPTS: ["A.py", "lib/b.py"],
        module_files.RESOURCES: ["lib/c.json"],
    }


def test_writing_the_lists_changes_nothing_else(smallModule):
    before = module_files.CMAKE.read_text(encoding="utf-8").splitlines()
    module_files.writeLists()
    after = module_files.CMAKE.read_text(encoding="utf-8").splitlines()
    assert module_files.listedFiles(module_files.SCRIPTS) == ["A.py", "lib/b.py"]
    assert module_files.listedFiles(module_files.RESOURCES) == ["lib/c.json"]
    assert after[-11:] == before[-11:] and after[:4] == before[:4]
