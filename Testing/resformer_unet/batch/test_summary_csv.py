"""The summary: a row a case, whole at every moment, in order at the end."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import numpy as np
import pytest

from helpers.synthetic_images import oblique_affine, volume, write_picture, write_volume
from helpers.tiny_model import save_tiny
from resformer_unet.batch import summary_csv
from resformer_unet.batch.cases import Outcome
from resformer_unet.batch.summary_csv import Summary, add_row
from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError

SEGMENTS = [{"id": "core"}, {"id": "rim"}]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny").folder)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def done(folder: Path, name: str, *, volume_mm3: float | None = 12.5, slices: int = 2) -> Outcome:
    """An outcome with its report on disk."""
    (folder / f"{name}.json").touch()
    measures = {"voxels": 7, "volume_mm3": volume_mm3}
    alerts = [{"class": "malignant"}, {"class": "other"}]
    areas = None if volume_mm3 is None else {"core": 3.25, "rim": 1.0}
    report = {
        "model": {"id": "tiny", "version": "1.0.0"},
        "diagnosis": {"label": "benign", "probability": 0.71234, "alerts": alerts},
        "segments": [{"id": "core", **measures}, {"id": "rim", **measures}],
        "slices": [{"area_mm2": areas}] * slices,
        "warnings": [{"code": "LOW_CONFIDENCE", "message": "…"}, {"code": "TOUCHES_BORDER", "message": "…"}],
    }
    return Outcome(folder / f"{name}.png", report, name, 1.5)


def failed(folder: Path, name: str) -> Outcome:
    return Outcome(folder / f"{name}.png", EngineError("CORRUPT_IMAGE", "“x, y” is\ndamaged.", "Copy it."), name, 0.1)


def inputs(folder: Path, *names: str) -> list[Path]:
    return [folder / f"{name}.png" for name in names]


def test_a_row_tells_what_became_of_a_case(tmp_path):
    with Summary(tmp_path, inputs(tmp_path, "a", "b", "c", "d"), None, SEGMENTS) as summary:
        summary.add(done(tmp_path, "a"))
        summary.add(done(tmp_path, "b", slices=1))
        summary.add(done(tmp_path, "c", volume_mm3=None, slices=1))
        summary.add(failed(tmp_path, "d"))
    a, b, c, d = rows(tmp_path)
    assert a == {
        "case": "a", "input": str(tmp_path / "a.png"), "series": "", "status": "done", "diagnosis": "benign",
        "probability": "0.7123", "reliable": "yes", "alerts": "malignant; other",
        "core_voxels": "7", "core_volume_mm3": "12.5", "core_area_mm2": "", "rim_voxels": "7",
        "rim_volume_mm3": "12.5", "rim_area_mm2": "", "warnings": "LOW_CONFIDENCE; TOUCHES_BORDER", "error": "",
        "message": "", "seconds": "1.5", "model": "tiny", "model_version": "1.0.0",
    }  # fmt: skip
    assert (b["core_area_mm2"], b["rim_area_mm2"]) == ("3.25", "1.0")
    assert (c["core_voxels"], c["core_volume_mm3"], c["core_area_mm2"]) == ("7", "", "")
    assert (d["status"], d["error"], d["message"]) == ("failed", "CORRUPT_IMAGE", "“x, y” is\ndamaged. Copy it.")


def test_a_row_says_when_its_result_is_not_reliable(tmp_path):
    outcome = done(tmp_path, "a")
    outcome.result["warnings"].append({"code": "OUT_OF_DISTRIBUTION", "message": "…"})
    with Summary(tmp_path, inputs(tmp_path, "a"), None, SEGMENTS) as summary:
        summary.add(outcome)
    assert rows(tmp_path)[0]["reliable"] == "no"


@pytest.mark.parametrize(("column", "value"), [("reliable", "yes"), ("alerts", "malignant; other")])
def test_a_summary_of_an_earlier_version_without_a_column_is_continued(tmp_path, column, value):
    with Summary(tmp_path, inputs(tmp_path, "a"), None, SEGMENTS) as summary:
        summary.add(done(tmp_path, "a"))
    with summary.path.open(newline="", encoding="utf-8") as file:
        earlier = [{name: cell for name, cell in row.items() if name != column} for row in csv.DictReader(file)]
    with summary.path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, earlier[0].keys())
        writer.writeheader()
        writer.writerows(earlier)
    with Summary(tmp_path, inputs(tmp_path, "b"), None, SEGMENTS) as summary:
        summary.add(done(tmp_path, "b"))
    assert [(row["case"], row[column]) for row in rows(tmp_path)] == [("a", ""), ("b", value)]


def test_every_row_is_on_disk_at_once_and_at_the_end_they_are_in_order(tmp_path):
    with Summary(tmp_path, inputs(tmp_path, "a", "b", "c"), None, SEGMENTS) as summary:
        assert not summary.path.exists()
        for count, name in enumerate("cba", start=1):
            summary.add(done(tmp_path, name))
            assert len(rows(tmp_path)) == count
    assert [row["case"] for row in rows(tmp_path)] == ["a", "b", "c"]


def test_rows_of_earlier_runs_stay_as_long_as_they_hold(tmp_path):
    with Summary(tmp_path, inputs(tmp_path, "a", "b", "c", "d"), None, SEGMENTS) as summary:
        for outcome in (done(tmp_path, "a"), failed(tmp_path, "b"), done(tmp_path, "c"), failed(tmp_path, "d")):
            summary.add(outcome)
    (tmp_path / "c.json").unlink()
    with Summary(tmp_path, inputs(tmp_path, "b", "e"), None, [{"id": "other"}]) as summary:
        summary.add(failed(tmp_path, "e"))
        summary.add(done(tmp_path, "b"))
    kept = [(row["case"], row["status"], row["core_voxels"]) for row in rows(tmp_path)]
    assert kept == [("a", "done", "7"), ("b", "done", "7"), ("d", "failed", ""), ("e", "failed", "")]


def test_a_run_that_ends_early_leaves_the_rows_that_it_did_not_come_to(tmp_path):
    with Summary(tmp_path, inputs(tmp_path, "a", "b"), None, SEGMENTS) as summary:
        summary.add(done(tmp_path, "a"))
        summary.add(done(tmp_path, "b"))
    with pytest.raises(KeyboardInterrupt), Summary(tmp_path, inputs(tmp_path, "a", "b"), None, SEGMENTS) as summary:
        summary.add(failed(tmp_path, "a"))
        raise KeyboardInterrupt
    assert [(row["case"], row["status"]) for row in rows(tmp_path)] == [("a", "failed"), ("b", "done")]


def test_a_table_that_was_torn_by_a_crash_is_read_as_far_as_it_is_whole(tmp_path):
    with Summary(tmp_path, inputs(tmp_path, "a", "b"), None, SEGMENTS) as summary:
        summary.add(done(tmp_path, "a"))
        summary.add(failed(tmp_path, "b"))
    table = (tmp_path / "summary.csv").read_bytes()
    for end in range(table.index(b"\n") + 1, len(table), 3):
        (tmp_path / "summary.csv").write_bytes(table[:end])
        with Summary(tmp_path, [], None, SEGMENTS) as summary:
            summary.add(done(tmp_path, "c"))
        cases = [row["case"] for row in rows(tmp_path)]
        assert cases in (["c"], ["a", "c"])


@pytest.mark.parametrize("content", [b"", b"name,age\nx,7\n", b"\xff\xfe\x00", b"case,input\n"])
def test_a_table_of_someone_else_is_not_replaced(tmp_path, model, content, capsys):
    (tmp_path / "summary.csv").write_bytes(content)
    picture = write_picture(tmp_path / "x.png", np.arange(1600, dtype=np.uint16).reshape(40, 40))
    assert main(["predict", str(picture), "--model", model, "--output", str(tmp_path)]) == 1
    assert "was not written by this program" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"summary.csv", "x.png"}
    assert (tmp_path / "summary.csv").read_bytes() == content


def test_the_summary_of_a_folder_agrees_with_the_reports_and_is_kept_up_to_date_by_single_runs(tmp_path, model, capsys):
    (tmp_path / "in").mkdir()
    write_volume(tmp_path / "in" / "head.nrrd", volume(), oblique_affine())
    (tmp_path / "in" / "x.png").write_text("no image")
    arguments = ["--model", model, "--output", str(tmp_path / "out"), "--device", "cpu"]
    assert main(["predict", str(tmp_path / "in"), *arguments]) == 1
    assert f"Summary: {tmp_path / 'out' / 'summary.csv'}" in capsys.readouterr().err
    assert [(row["case"], row["status"]) for row in rows(tmp_path / "out")] == [("head", "done"), ("x", "failed")]
    write_picture(tmp_path / "in" / "x.png", np.arange(1600, dtype=np.uint16).reshape(40, 40))
    assert main(["predict", str(tmp_path / "in" / "x.png"), *arguments]) == 0
    assert [(row["case"], row["status"]) for row in rows(tmp_path / "out")] == [("head", "done"), ("x", "done")]


def test_a_disk_that_is_full_at_a_row_is_an_error_that_names_the_summary(tmp_path, monkeypatch):
    opened = Path.open

    def full(path, mode="r", *arguments, **named):
        if mode == "a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(EngineError) as caught, Summary(tmp_path, inputs(tmp_path, "a"), None, SEGMENTS) as summary:
        summary.add(done(tmp_path, "a"))
    assert caught.value.code == "DISK_FULL" and "summary.csv" in caught.value.message


def test_rows_that_are_added_one_by_one_are_those_of_a_run(tmp_path):
    apart, together = tmp_path / "apart", tmp_path / "together"
    for folder in (apart, together):
        folder.mkdir()
    names = ["a", "b", "c", "b", "d"]
    for name in names:
        add_row(apart, done(apart, name) if name != "c" else failed(apart, name), None, SEGMENTS)
    with Summary(together, inputs(together, *dict.fromkeys(names)), None, SEGMENTS) as summary:
        for name in names:
            summary.add(done(together, name) if name != "c" else failed(together, name))
    expected = (together / "summary.csv").read_text("utf-8").replace(str(together), str(apart))
    assert (apart / "summary.csv").read_text("utf-8") == expected


def test_a_new_row_does_not_read_the_table_unless_somebody_changed_it(tmp_path, monkeypatch):
    read, earlier_rows = [], Summary._earlier_rows
    monkeypatch.setattr(Summary, "_earlier_rows", lambda summary: read.append(1) or earlier_rows(summary))
    for name in "abc":
        add_row(tmp_path, done(tmp_path, name), None, SEGMENTS)
    assert len(read) == 1
    table = tmp_path / "summary.csv"
    lines = table.read_text("utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:-1]), "utf-8")  # another program drops c
    add_row(tmp_path, done(tmp_path, "d"), None, SEGMENTS)
    assert len(read) == 2 and [row["case"] for row in rows(tmp_path)] == ["a", "b", "d"]
    add_row(tmp_path, done(tmp_path, "e"), None, SEGMENTS)
    assert len(read) == 2
    table.unlink()
    add_row(tmp_path, done(tmp_path, "f"), None, SEGMENTS)
    assert [row["case"] for row in rows(tmp_path)] == ["f"]


def test_a_row_that_could_not_be_appended_whole_is_made_good_by_the_next(tmp_path, monkeypatch):
    add_row(tmp_path, done(tmp_path, "a"), None, SEGMENTS)
    whole, state_of = summary_csv._text, summary_csv._state_of
    states = iter([state_of(tmp_path / "summary.csv")])

    def full(path: Path) -> tuple[int, int, int]:
        for state in states:
            return state
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(summary_csv, "_text", lambda *arguments, **more: whole(*arguments, **more)[:9])
        patched.setattr(summary_csv, "_state_of", full)
        with pytest.raises(EngineError, match="disk"):
            add_row(tmp_path, done(tmp_path, "b"), None, SEGMENTS)
    assert not (tmp_path / "summary.csv").read_text("utf-8").endswith("\n")
    add_row(tmp_path, done(tmp_path, "c"), None, SEGMENTS)
    assert [row["case"] for row in rows(tmp_path)] == ["a", "c"]
