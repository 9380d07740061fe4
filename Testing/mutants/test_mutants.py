"""Mutation testing itself: which changes are made, which are drawn, and that the tests' verdict is believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="the extra “dev” is not installed")

from helpers.paths import ROOT
from mutants import judge
from mutants.candidates import candidates, sample
from mutants.packages import PACKAGES

SOURCE = """\
from __future__ import annotations


def clipped(value: int | None, most: list[int] | None = None) -> int | None:
    return value if value < 10 else 10
"""
TEST = """\
from clipping import clipped

def test_values():
    assert [clipped(value) for value in (9, 10, 11)] == [9, 10, 10]
"""


@pytest.fixture
def tree(tmp_path) -> Path:
    (tmp_path / "clipping.py").write_text(SOURCE)
    (tmp_path / "test_clipping.py").write_text(TEST)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    return tmp_path


def last_lines(tree: Path) -> set[str]:
    return {change.apply(SOURCE).splitlines()[-1].strip() for change in candidates(tree, Path("clipping.py"))}


def test_comparisons_and_numbers_are_changed_and_annotations_are_not(tree):
    found = list(candidates(tree, Path("clipping.py")))
    assert {change.position[0] for change in found} == {5}
    assert {"return value if value >= 10 else 10", "return value if value < 11 else 10"} <= {
        line.replace("  ", " ") for line in last_lines(tree)
    }


def test_the_same_seed_draws_the_same_places_wherever_they_lie(tree):
    def drawn() -> list[tuple]:
        return [(change.context, change.operator) for change in sample([Path("clipping.py")], tree, 2, seed=1)]

    before = drawn()
    (tree / "clipping.py").write_text(SOURCE.replace("\n\n\n", "\n\nOTHER = ()\n\n\n"))
    assert len(before) == 2 and drawn() == before
    assert len(sample([Path("clipping.py")], tree, None, seed=1)) == 10


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("return value if value < 9 else 10", judge.NOTICED),
        ("return value if value <= 10 else 10", judge.SURVIVED),  # the same for every value
        ("while True: pass", judge.OUT_OF_TIME),
    ],
)
def test_a_change_is_judged_by_the_tests_and_undone(tree, line, verdict):
    mutated = SOURCE.replace("return value if value < 10 else 10", line)
    limit_s = 3.0 if verdict == judge.OUT_OF_TIME else 60.0
    assert judge.verdict(tree, "clipping.py", mutated, ["test_clipping.py"], limit_s) == verdict
    assert (tree / "clipping.py").read_text() == SOURCE


def test_every_package_has_its_files_and_its_tests():
    for package in PACKAGES:
        assert package.files and all((ROOT / file).is_file() for file in package.files)
        assert (ROOT / package.tests[0]).is_dir()


def test_every_change_listed_as_equivalent_has_a_reason_and_a_file():
    for entry in json.loads((ROOT / "Testing" / "mutants" / "equivalent.json").read_text("utf-8")):
        assert entry["why"] and entry["was"] != entry["becomes"]
        assert (ROOT / "ResFormerSeg" / "resformer_unet" / entry["file"]).is_file()
