"""Many cases, one command each: names, earlier results, failures, results for display, and the page of all."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.dicom_files import stored_values, write_slices
from helpers.paths import withHelpers
from resformer_unet.errors import EngineError
from resformer_unet.worker.commands import Commands
from resformer_unet.worker.protocol import CommandContext

AFFINE = np.diag([1.0, 1.5, 3.0, 1.0]).tolist()


@pytest.fixture(scope="module")
def commands():
    return Commands()


@pytest.fixture
def send(commands, models, tmp_path):
    """`send("case", ...)`: the result of a command on the folder "results"."""

    def run(command: str, **entries) -> dict:
        context = CommandContext("1", lambda *arguments, **content: None, lambda: False)
        defaults = {"model": str(models / "tiny"), "device": "cpu"} if command == "case" else {}
        body = {"command": command, "output": str(tmp_path / "results"), **defaults, **entries}
        return commands.run(json.loads(json.dumps(body)), context)

    return run


def handed_over(folder: Path, seed: int, affine=AFFINE) -> dict:
    voxels = np.random.default_rng(seed).integers(0, 255, (4, 18, 22), np.int16)
    np.save(folder / f"{seed}.npy", voxels)
    return {"array": str(folder / f"{seed}.npy"), "affine_lps": affine, "name": "x", "has_orientation": True}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json"))


def test_two_volumes_of_one_name_have_cases_of_their_own_and_are_known_again(send, tmp_path):
    first = send("case", name="Brain", image=handed_over(tmp_path, 1))
    second = send("case", name="Brain", image=handed_over(tmp_path, 2), taken=["Brain"])
    assert [first["case"], second["case"]] == ["Brain", "Brain-2"] and not second["kept"]
    again = send("case", name="Brain", image=handed_over(tmp_path, 2))  # in another order
    assert again["case"] == "Brain-2" and again["kept"] and again["report"] == second["report"]
    moved = send("case", name="Brain", image=handed_over(tmp_path, 1, np.diag([2.0, 1.5, 3.0, 1.0]).tolist()))
    assert moved["case"] == "Brain-3" and not moved["kept"]
    with open(tmp_path / "results" / "summary.csv", encoding="utf-8") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["Brain", "Brain-2", "Brain-3"]


def test_another_option_replaces_the_result_of_the_same_volume(send, tmp_path):
    send("case", name="Brain", image=handed_over(tmp_path, 1))
    changed = send("case", name="Brain", image=handed_over(tmp_path, 1), options={"smoothing_mm": 1.0})
    assert changed["case"] == "Brain" and not changed["kept"]


@pytest.mark.parametrize(
    ("name", "case"),
    [("Gehirn 脳", "Gehirn 脳"), ("T1/2: a*", "T1_2_ a_"), ("  ..", "case"), ("con", "con_"), ("é" * 300, "é" * 100)],
)
def test_names_become_names_of_files_on_every_system(send, tmp_path, name, case):
    assert send("case", name=name, image=handed_over(tmp_path, 1))["case"] == case
    assert (tmp_path / "results" / f"{case}.seg.nrrd").exists()


def test_a_file_that_is_no_result_is_never_replaced(send, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "Brain.json").write_text("{}")
    assert send("case", name="Brain", image=handed_over(tmp_path, 1))["case"] == "Brain-2"
    assert (tmp_path / "results" / "Brain.json").read_text() == "{}"


def test_a_result_comes_back_for_display_with_the_image_of_its_file(send, tmp_path):
    folder = write_slices(tmp_path / "series", stored_values(6, 20, 24))
    [found] = send("find_cases", paths=[str(tmp_path / "series")])["cases"]
    done = send("case", input=found["input"], name=found["name"], planned=True)
    (tmp_path / "temporary").mkdir()
    opened = send("open_case", name=done["case"], folder=str(tmp_path / "temporary"))
    voxels, labels = np.load(opened["image"]["array"]), np.load(opened["labels"])
    assert np.array_equal(voxels, stored_values(6, 20, 24)) and labels.shape == (1, 6, 20, 24)
    assert np.count_nonzero(labels) == done["report"]["segments"][0]["voxels"]
    assert opened["image"]["affine_lps"] == done["report"]["grid"]["affine_lps"]

    (folder / "IM001.dcm").touch()  # the image may be another one now
    with pytest.raises(EngineError) as caught:
        send("open_case", name=done["case"], folder=str(tmp_path / "temporary"))
    assert caught.value.code == "INPUT_CHANGED"


def test_a_series_keeps_its_case_and_another_of_the_same_folder_gets_its_own(send, tmp_path):
    def other(data, index) -> None:
        data.SeriesInstanceUID = "1.2.3.5"

    folder = write_slices(tmp_path / "study", stored_values(6, 20, 24))
    write_slices(folder, stored_values(6, 20, 24), other, "OTHER{:03d}.dcm")
    entries = {"input": str(folder), "name": "T1 axial"}
    assert send("case", **entries, series="1.2.3.4")["case"] == "T1 axial"
    assert send("case", **entries, series="1.2.3.5")["case"] == "T1 axial-2"
    kept = send("case", **entries, series="1.2.3.5")
    assert kept["case"] == "T1 axial-2" and kept["kept"]


def test_a_case_that_fails_is_in_the_summary_with_its_reason(send, tmp_path):
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\n")
    with pytest.raises(EngineError):
        send("case", input=str(tmp_path / "broken.nrrd"), name="broken", planned=True)
    with open(tmp_path / "results" / "summary.csv", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert row["status"] == "failed" and row["message"]


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_first_case(send, tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(EngineError) as caught:
        send("find_cases", paths=[])
    assert caught.value.code == "OUTPUT_NOT_WRITABLE"


def test_two_programs_do_not_write_into_one_folder(send, tmp_path, monkeypatch):
    monkeypatch.setattr("resformer_unet.batch.held_folder.PATIENCE_S", 0.0)
    hold = (
        "import sys; from pathlib import Path; from resformer_unet.batch.held_folder import held_folder\n"
        "with held_folder(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "results")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=withHelpers(),
    )  # fmt: skip
    assert other.stdout.readline().strip() == b"held"
    with pytest.raises(EngineError) as caught:
        send("find_cases", paths=[])
    assert caught.value.code == "CASES_BUSY"
    other.communicate()
    assert send("find_cases", paths=[])["cases"] == []


def test_the_page_lists_the_cases_in_the_order_that_is_asked_for(send, tmp_path):
    send("case", name="<Brain>", image=handed_over(tmp_path, 1))
    send("case", name="Head", image=handed_over(tmp_path, 2))
    cases = [
        {"name": "Head", "title": "Head", "edited": True},
        {"name": "_Brain_", "title": "<Brain>"},
        {"name": "", "title": "Wrist", "message": "It is too small."},
        {"name": "gone"},
    ]
    page = Path(send("cases_page", cases=cases, file=str(tmp_path / "list.html"))["file"]).read_text("utf-8")
    assert page.index("Head") < page.index("&lt;Brain&gt;") < page.index("Wrist") < page.index("gone")
    for words in ("It is too small.", "4 cases", "changed since", "model tiny 1.0.0", "result is missing"):
        assert words in page
    assert "<Brain>" not in page and "Not a medical device" in page
