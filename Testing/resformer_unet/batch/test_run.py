"""Files in, files out: every kind of image, several at once, and no incomplete file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from helpers.stand_ins import BrightNetwork, stand_in_bundle
from helpers.synthetic_images import oblique_affine, write_picture, write_series, write_volume
from helpers.tiny_model import save_tiny
from resformer_unet.batch import case_files
from resformer_unet.batch import run as module
from resformer_unet.batch.run import predict_files
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.model.network import NetworkConfig

DOCUMENTED = {
    "case", "input", "series", "input_state", "options", "files", "model", "device", "engine", "diagnosis", "segments",
    "largest_lesion", "grid", "slice_axis", "slices", "warnings", "reliable", "reasons", "timing_s",
    "not_for_clinical_use",
}  # fmt: skip


def grey() -> np.ndarray:
    pixels = np.full((40, 48), 30, np.uint8)
    pixels[10:25, 12:30] = 220
    return pixels


def colour() -> np.ndarray:
    return np.dstack([grey(), grey() // 2, grey() // 4 + 9])


def head() -> np.ndarray:
    voxels = np.full((6, 20, 24), 30, np.int16)
    voxels[1:4, 5:12, 8:16] = 240
    return voxels


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny").folder)


@pytest.fixture
def bright(monkeypatch) -> str:
    """A model that segments what is brighter than one half."""
    bundle = stand_in_bundle()
    monkeypatch.setattr(module, "find_model", lambda name: bundle)
    monkeypatch.setattr(
        "resformer_unet.inference.backends.choice.load_network",
        lambda bundle: BrightNetwork(NetworkConfig(**bundle.descriptor["network"])),
    )
    return "bright"


def outcomes(inputs, model: str, output: Path, **options) -> list:
    inputs = inputs if isinstance(inputs, list) else [inputs]
    return [outcome.result for outcome in predict_files(inputs, model, output, device="cpu:torch", **options)]


def write_image(folder: Path, kind: str) -> Path:
    """One image of every kind that is read; returns the path that the user would give."""
    if kind == "grey.png":
        return write_picture(folder / kind, grey())
    if kind.endswith((".png", ".jpg", ".tif", ".bmp")):
        return write_picture(folder / kind, colour())
    if kind == "slice.dcm":
        return write_series(folder / "one", head()[2:3], oblique_affine()) / "IM0001.dcm"
    if kind == "series":
        return write_series(folder / kind, head(), oblique_affine())
    return write_volume(folder / kind, head(), oblique_affine())


KINDS = [
    "grey.png", "colour.png", "colour.jpg", "colour.tif", "colour.bmp", "head.nrrd", "head.nii.gz", "head.mha",
    "slice.dcm", "series",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_image_gives_the_documented_files(tmp_path, bright, kind):
    path = write_image(tmp_path, kind)
    (report,) = outcomes(path, bright, tmp_path / "out")
    case = path.name.split(".")[0]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [f"{case}.json", f"{case}.seg.nrrd"]
    written = json.loads((tmp_path / "out" / f"{case}.json").read_text("utf-8"))
    assert written == report and written.keys() == DOCUMENTED
    assert written["case"] == case and written["input"] == str(path)
    assert written["timing_s"].keys() == {"read", "prepare", "network", "postprocess", "write", "total"}
    image, segmented = read_image(path), read_image(tmp_path / "out" / f"{case}.seg.nrrd")
    assert segmented.shape == image.shape
    np.testing.assert_allclose(segmented.affine, image.affine, atol=1e-6)
    (segment,) = written["segments"]
    assert segment["voxels"] == (segmented.voxels == segment["value"]).sum() > 0
    if image.voxels.shape[-1] == 1:
        assert np.array_equal(segmented.voxels, image.voxels > 127)


@pytest.mark.parametrize("kind", ["colour.png", "series"])
def test_the_real_network_gives_a_report_too(tmp_path, model, kind):
    (report,) = outcomes(write_image(tmp_path, kind), model, tmp_path / "out")
    assert report["model"]["id"] == "tiny" and len(report["model"]["sha256"]) == 64
    assert sum(report["diagnosis"]["probabilities"].values()) == pytest.approx(1)


def test_a_model_without_segmentation_writes_the_report_alone(tmp_path):
    model = save_tiny(tmp_path / "diagnosis-only", segments=()).folder
    outcomes(write_image(tmp_path, "grey.png"), str(model), tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["grey.json"]


def test_one_bad_input_does_not_stop_the_others(tmp_path, bright):
    (tmp_path / "notes.txt").write_text("no image")
    inputs = [tmp_path / "absent.png", write_image(tmp_path, "grey.png"), tmp_path / "notes.txt"]
    inputs.append(write_image(tmp_path, "head.nrrd"))
    results = outcomes(inputs, bright, tmp_path / "out")
    assert [getattr(result, "code", "written") for result in results] == [
        "FILE_NOT_FOUND", "written", "NOT_AN_IMAGE", "written"
    ]  # fmt: skip
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_an_unexpected_failure_does_not_stop_the_others(tmp_path, bright, monkeypatch):
    inputs = [write_image(tmp_path, "grey.png"), write_image(tmp_path, "head.nrrd")]
    write = case_files.segmentation_file

    def failing(path, *rest):
        if path.name.startswith("grey"):
            raise RuntimeError("a rare fault")
        return write(path, *rest)

    monkeypatch.setattr(case_files, "segmentation_file", failing)
    first, second = outcomes(inputs, bright, tmp_path / "out")
    assert first.code == "INTERNAL" and "a rare fault" in str(first) and "--debug" in str(first)
    assert second["case"] == "head"


def test_cases_of_the_same_name_are_told_apart(tmp_path, bright):
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
    inputs = [write_picture(tmp_path / name, grey()) for name in ("a/x.png", "b/x.png", "c/x-2.png", "c/x.bmp")]
    reports = outcomes(inputs, bright, tmp_path / "out")
    assert [report["case"] for report in reports] == ["x", "x-2", "x-2-2", "x-3"]
    for report, path in zip(reports, inputs, strict=True):
        written = json.loads((tmp_path / "out" / f"{report['case']}.json").read_text("utf-8"))
        assert written["input"] == str(path)
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_a_second_run_replaces_the_files_of_the_first(tmp_path, bright):
    path = write_image(tmp_path, "grey.png")
    outcomes(path, bright, tmp_path / "out")
    write_picture(path, 255 - grey())
    (report,) = outcomes(path, bright, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert report["segments"][0]["voxels"] == int((grey() < 127).sum())


def test_a_picture_of_another_patient_with_the_same_name_replaces_nothing(tmp_path, bright, monkeypatch):
    for folder in ("p1", "p2"):
        (tmp_path / folder).mkdir()
    for folder, name, case in (("p1", "t1.png", "t1"), ("p2", "t1.png", "t1-2"), ("p1", "t1.png", "t1")):
        monkeypatch.chdir(tmp_path / folder)  # named in the same words, it is still another file
        write_picture(Path(name), grey())
        (report,) = outcomes(Path(name), bright, tmp_path / "out")
        assert report["case"] == case and report["input"] == str(tmp_path / folder / name)
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_another_series_of_the_same_folder_replaces_nothing_in_a_later_run(tmp_path, bright):
    folder = write_series(tmp_path / "s", head(), oblique_affine(), uid="1.2.3")
    for path in folder.iterdir():
        path.rename(path.with_stem("a" + path.stem))
    write_series(folder, head(), oblique_affine(), uid="1.2.4")
    for uid, case in (("1.2.3", "s"), ("1.2.4", "s-2"), ("1.2.3", "s")):
        (report,) = outcomes(folder, bright, tmp_path / "out", series=uid)
        assert report["case"] == case and report["series"] == uid


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_input_is_never_replaced_by_a_result(tmp_path, bright):
    label_map = write_volume(tmp_path / "x.seg.nrrd", head(), oblique_affine())
    before = contents(tmp_path)
    assert [report["case"] for report in outcomes(label_map, bright, tmp_path)] == ["x-2"]
    image = write_volume(tmp_path / "y.nrrd", head(), oblique_affine())
    outcomes(image, bright, tmp_path)
    before |= {name: data for name, data in contents(tmp_path).items() if name.startswith("y.")}
    reports = outcomes([image, tmp_path / "y.seg.nrrd"], bright, tmp_path)  # a result that is now an input
    assert "y" not in [report["case"] for report in reports]
    assert before.items() <= contents(tmp_path).items()


@pytest.mark.parametrize("name", ["grey.seg.nrrd", "grey.json"])
@pytest.mark.parametrize("content", ["mine", "{}", '{"input": 7}', "[]"])
def test_a_file_that_is_no_result_is_not_replaced(tmp_path, bright, name, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(content)
    (report,) = outcomes(write_image(tmp_path, "grey.png"), bright, tmp_path / "out")
    assert report["case"] == "grey-2"
    assert (tmp_path / "out" / name).read_text() == content


def test_without_its_report_no_segmentation_appears(tmp_path, bright, monkeypatch):
    path = write_image(tmp_path, "grey.png")

    def full(*_):
        raise EngineError("DISK_FULL", "The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(case_files, "atomic_file", full)
        assert outcomes(path, bright, tmp_path / "out")[0].code == "DISK_FULL"
        assert contents(tmp_path / "out") == {}
    outcomes(path, bright, tmp_path / "out")
    before = contents(tmp_path / "out")
    monkeypatch.setattr(case_files, "atomic_file", full)
    write_picture(path, 255 - grey())
    outcomes(path, bright, tmp_path / "out")
    assert contents(tmp_path / "out") == before


class Killed(BaseException):
    """As little a failure of an input as the end of the process would be."""


STEPS = ["grey.json", "grey.seg.nrrd", "grey.seg.nrrd", "grey.json"]  # two leave their names, two take them


@pytest.fixture
def at_step():
    """Calls a function before a step that moves a file from its name or to it; the first is step 0.

    The function gets the context of the patches: another one would take the replaced function for the original.
    """

    @contextmanager
    def watching(number: int, then) -> Iterator[list[str]]:
        steps, replace = [], os.replace

        def watched(source, target) -> None:
            names = [Path(path).name for path in (source, target)]
            steps.append(next(name for name in names if not name.startswith(".")))
            if len(steps) == number + 1:
                then(patch)
            replace(source, target)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", watched)
            yield steps

    return watching


@pytest.mark.parametrize("last_step", range(5))
def test_where_there_is_a_report_its_images_are_there_also_after_a_kill(tmp_path, bright, at_step, last_step):
    path, out = write_image(tmp_path, "grey.png"), tmp_path / "out"
    outcomes(path, bright, out)
    write_picture(path, 255 - grey())

    def killed(patch) -> None:
        """From here on the process changes nothing on the disk, as a killed one does not."""
        for name in ("replace", "unlink"):
            patch.setattr(os, name, lambda *_, **__: None)
        raise Killed

    with at_step(last_step, killed) as steps, pytest.raises(Killed) if last_step < 4 else nullcontext():
        outcomes(path, bright, out)
    assert steps == STEPS[: last_step + 1]
    found = contents(out)
    assert ("grey.json" in found) == (last_step in (0, 4))
    for name, digest in json.loads(found.get("grey.json", '{"files": {}}'))["files"].items():
        assert hashlib.sha256(found[name]).hexdigest() == digest


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("last_step", range(4))
def test_after_a_kill_the_next_run_gives_the_case_its_name_and_both_files(tmp_path, model, at_step, last_step, resume):
    path, out = write_image(tmp_path, "grey.png"), tmp_path / "out"
    outcomes(path, model, out)
    write_picture(path, 255 - grey())

    def killed(patch) -> None:
        for name in ("replace", "unlink"):
            patch.setattr(os, name, lambda *_, **__: None)
        raise Killed

    with at_step(last_step, killed), pytest.raises(Killed):
        outcomes(path, model, out)
    (report,) = outcomes(path, model, out, resume=resume)
    shown = [name for name in sorted(contents(out)) if not name.startswith(".")]
    assert shown == ["grey.json", "grey.seg.nrrd"] and report["case"] == "grey"
    assert report["input_state"] == case_files.input_state(path)
    if resume:
        assert sorted(contents(out)) == shown


@pytest.mark.parametrize("last_step", range(4))
def test_a_failure_while_files_take_their_names_keeps_the_earlier_result(tmp_path, bright, at_step, last_step):
    path, out = write_image(tmp_path, "grey.png"), tmp_path / "out"
    outcomes(path, bright, out)
    before = contents(out)
    write_picture(path, 255 - grey())

    def failing(_) -> None:
        raise PermissionError(errno.EACCES, "another program has the file open")

    with at_step(last_step, failing):
        (error,) = outcomes(path, bright, out)
    assert error.code == "OUTPUT_NOT_WRITABLE" and "open" in error.message
    assert contents(out) == before


def test_no_segmentation_of_another_model_stays_beside_a_report(tmp_path, model):
    path = write_image(tmp_path, "grey.png")
    outcomes(path, model, tmp_path / "out")
    outcomes(path, str(save_tiny(tmp_path / "diagnosis-only", segments=()).folder), tmp_path / "out")
    assert list(contents(tmp_path / "out")) == ["grey.json"]


def test_a_file_without_a_name_gets_one(tmp_path, bright):
    path = write_volume(tmp_path / ".nrrd", head(), oblique_affine())
    outcomes(path, bright, tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == ["image.json", "image.seg.nrrd"]


def test_the_series_of_a_folder_may_be_chosen(tmp_path, bright):
    for number in ("1", "2"):
        write_series(tmp_path / "study", head(), oblique_affine(), uid=f"1.2.3.{number}")
        for file in (tmp_path / "study").glob("IM*.dcm"):
            file.rename(file.with_name(f"{number}-{file.name}"))
    (error,) = outcomes(tmp_path / "study", bright, tmp_path / "out")
    assert error.code == "SEVERAL_SERIES" and "1.2.3.1" in str(error) and "1.2.3.2" in str(error)
    (report,) = outcomes(tmp_path / "study", bright, tmp_path / "out", series="1.2.3.2")
    assert report["case"] == "study"


def test_progress_names_the_case(tmp_path, bright):
    calls = []
    path = write_image(tmp_path, "head.nrrd")
    outcomes(path, bright, tmp_path / "out", progress=lambda *counts: calls.append(counts))
    assert calls == [("head", 6, 6)]


def test_progress_tells_images_of_one_name_apart_as_their_results_do(tmp_path, bright):
    calls = []
    for folder in ("first", "second"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        write_image(tmp_path / "in" / folder, "head.nrrd")
    inputs = [tmp_path / "in" / folder / "head.nrrd" for folder in ("first", "second")]
    reports = outcomes(inputs, bright, tmp_path / "out", progress=lambda *counts: calls.append(counts))
    assert [name for name, *_ in calls] == [report["case"] for report in reports] == ["head", "head-2"]


def test_progress_rises_to_the_number_of_slices(tmp_path, bright):
    calls = []
    path = write_volume(tmp_path / "long.nrrd", np.tile(head(), (60, 1, 1)), oblique_affine())
    outcomes(path, bright, tmp_path / "out", progress=lambda *counts: calls.append(counts))
    done = [count for _, count, _ in calls]
    assert len(done) > 1 and done == sorted(set(done)) and done[0] > 0
    assert {(name, total) for name, _, total in calls} == {("long", 360)} and done[-1] == 360


def test_no_input_has_no_outcome_but_an_output_folder(tmp_path, bright):
    assert outcomes([], bright, tmp_path / "out") == [] and list((tmp_path / "out").iterdir()) == []


def test_an_unknown_model_or_device_is_refused_before_anything_is_read_or_made(tmp_path, model):
    for options, code in (({"model": "absent"}, "MODEL_NOT_FOUND"), ({"device": "tpu"}, "DEVICE_UNKNOWN")):
        arguments = {"inputs": [tmp_path / "x.png"], "model": model, "output": tmp_path / "out", **options}
        with pytest.raises(EngineError) as caught:
            next(predict_files(**arguments))
        assert caught.value.code == code
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_refused(tmp_path, bright):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(EngineError) as caught:
        outcomes(write_image(tmp_path, "grey.png"), bright, tmp_path / "out")
    assert caught.value.code == "OUTPUT_NOT_WRITABLE"
    assert (tmp_path / "out").read_text() == "mine"
