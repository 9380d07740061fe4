"""Names of cases are known before the first is run, and depend on nothing but the inputs and the output folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resformer_unet.batch.cases import plan_cases


def names(inputs: list[Path], output: Path, series: str | None = None) -> list[str]:
    return [case.name for case in plan_cases(inputs, output, series)]


def files(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def write_result(output: Path, name: str, path: Path, series: str | None = None) -> None:
    output.mkdir(exist_ok=True)
    (output / f"{name}.json").write_text(json.dumps({"input": str(path), "series": series}))
    (output / f"{name}.seg.nrrd").touch()


def test_cases_of_the_same_name_are_numbered_in_the_order_of_the_inputs_whether_they_are_there_or_not(tmp_path):
    inputs = [tmp_path / name for name in ("a/x.png", "b/x.nii.gz", "c/x-2.png", "d/x.bmp")]
    expected = ["x", "x-2", "x-2-2", "x-3"]
    assert names(inputs, tmp_path / "out") == expected
    files(tmp_path, "b/x.nii.gz", "d/x.bmp")
    assert names(inputs, tmp_path / "out") == expected


def test_an_input_named_twice_is_one_case(tmp_path, monkeypatch):
    (path,) = files(tmp_path, "x.png")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.png").symlink_to(path)
    assert names([path, Path("x.png"), tmp_path / "link.png", tmp_path / "a" / ".." / "x.png"], tmp_path / "out") == [
        "x"
    ]


def test_names_that_differ_in_capitals_only_are_told_apart_as_some_file_systems_do_not(tmp_path):
    assert names(files(tmp_path, "a/Mole.png", "b/mole.png"), tmp_path / "out") == ["Mole", "mole-2"]


def test_names_that_differ_in_the_unicode_form_of_a_letter_only_are_told_apart_too(tmp_path):
    composed, decomposed = "K\u00f6rper", "Ko\u0308rper"
    inputs = [tmp_path / "a" / f"{composed}.png", tmp_path / "b" / f"{decomposed}.png"]
    assert [case.name for case in plan_cases(inputs, tmp_path / "out")] == [composed, f"{decomposed}-2"]


def test_an_input_keeps_the_name_of_its_earlier_result_whatever_is_run_beside_it(tmp_path):
    first, second, third = files(tmp_path, "a/x.png", "b/x.png", "c/x.png")
    write_result(tmp_path / "out", "x-2", second)
    assert names([second], tmp_path / "out") == ["x-2"]
    assert names([first, second, third], tmp_path / "out") == ["x", "x-2", "x-3"]
    assert names([second], tmp_path / "out", "1.2.3") == ["x"]  # another series of it is another case


def test_a_result_of_another_input_keeps_its_name_even_if_that_input_is_gone(tmp_path):
    write_result(tmp_path / "out", "x", tmp_path / "gone" / "x.png")
    assert names(files(tmp_path, "a/x.png"), tmp_path / "out") == ["x-2"]


def test_a_folder_without_a_name_and_a_name_that_is_no_path_get_names_too(tmp_path):
    assert names([Path("/"), Path(".png"), Path("a\0b.png")], tmp_path / "out") == ["image", "image-2", "a\0b"]


@pytest.mark.parametrize("earlier", [False, True])
def test_hundreds_of_cases_of_one_name_are_planned(tmp_path, earlier):
    inputs = [tmp_path / f"{number:03}" / "t1.nii.gz" for number in range(400)]
    expected = ["t1", *(f"t1-{number}" for number in range(2, 401))]
    if earlier:
        for name, path in zip(expected, inputs, strict=True):
            write_result(tmp_path / "out", name, path)
    assert names(inputs, tmp_path / "out") == expected
