"""The command line: its output, its files and its exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.generated_dataset import write_discs
from helpers.paths import MODULE_FOLDER
from helpers.synthetic_images import oblique_affine, volume, write_picture, write_volume
from helpers.tiny_model import save_tiny
from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.cli.main import main
from resformer_unet.cli.progress import Progress
from resformer_unet.model import catalog

HEAVY = {"torch", "lightning", "monai", "onnxruntime", "SimpleITK", "scipy", "skimage", "matplotlib", "distributed"}


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tiny(folder / "tiny")
    return folder


@pytest.fixture(autouse=True)
def only_these_models(models, monkeypatch):
    monkeypatch.setattr(catalog, "model_folders", lambda: [models])


@pytest.fixture
def picture(tmp_path) -> Path:
    return write_picture(tmp_path / "mole.png", np.arange(40 * 48, dtype=np.uint16).reshape(40, 48) * 30)


def command(*arguments, **environment) -> subprocess.CompletedProcess:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "resformer_unet", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(MODULE_FOLDER), **environment},
        capture_output=True,
        timeout=120,
    )


def predict(*inputs, output: Path, more: tuple = ()) -> int:
    return main(["predict", *map(str, inputs), "--model", "tiny", "--output", str(output), "--device", "cpu", *more])


def test_the_command_works_as_a_module_and_in_a_terminal_without_unicode(models, tmp_path):
    path = write_volume(tmp_path / "Schädel 脳.nrrd", volume(), oblique_affine())
    done = command(
        "predict", path, "--model", models / "tiny", "--output", tmp_path / "out", PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )  # fmt: skip
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    assert done.stdout.startswith(b"Sch\\xe4del \\u8133: ")
    assert b"6 of 6" in done.stderr
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"Schädel 脳.json", "Schädel 脳.seg.nrrd"}


def test_predict_prints_a_sentence_a_case_and_the_progress_beside_it(tmp_path, picture, capsys):
    head = write_volume(tmp_path / "head.nrrd", volume(), oblique_affine())
    assert predict(picture, head, output=tmp_path / "out") == 0
    printed = capsys.readouterr()
    first, second = printed.out.splitlines()
    assert first.startswith("mole: ") and "(probability 0." in first and first.endswith("pixels")
    assert second.startswith("head: ") and second.endswith("ml")
    assert "mole: 1 of 1\n" in printed.err and "head: 6 of 6\n" in printed.err
    assert "\r" not in printed.err and "%|" not in printed.err  # no bar where there is no terminal
    report = json.loads((tmp_path / "out" / "head.json").read_text("utf-8"))
    assert report["not_for_clinical_use"] == NOT_FOR_CLINICAL_USE


def test_a_model_may_be_given_as_a_folder(tmp_path, picture, models):
    arguments = ["predict", str(picture), "--model", str(models / "tiny"), "--output", str(tmp_path / "out")]
    assert main(arguments) == 0 and (tmp_path / "out" / "mole.json").is_file()


def test_the_slice_axis_may_be_chosen(tmp_path):
    head = write_volume(tmp_path / "head.nrrd", volume(12), np.eye(4))
    assert predict(head, output=tmp_path / "out", more=("--slice-axis", "coronal")) == 0
    assert json.loads((tmp_path / "out" / "head.json").read_text("utf-8"))["slice_axis"]["plane"] == "coronal"


def test_warnings_about_an_image_are_printed(tmp_path, capsys):
    colours = np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)
    assert predict(write_picture(tmp_path / "x.png", colours), output=tmp_path / "out") == 0
    assert "warning: The model was trained on greyscale images" in capsys.readouterr().err


def test_one_bad_input_among_many_is_reported_and_the_exit_code_is_1(tmp_path, picture, capsys):
    assert predict(tmp_path / "absent.png", picture, output=tmp_path / "out") == 1
    printed = capsys.readouterr()
    assert "absent.png: “" in printed.err and "1 of 2 inputs failed." in printed.err
    assert "Traceback" not in printed.err
    assert printed.out.startswith("mole: ")
    files = {"mole.json", "mole.seg.nrrd", "summary.csv"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == files


def test_a_report_that_cannot_be_made_is_no_input_that_failed(tmp_path, picture, capsys):
    other = write_picture(tmp_path / "other.png", np.arange(900, dtype=np.uint8).reshape(30, 30))
    assert predict(other, picture, output=tmp_path / "out", more=("--report", "dicom")) == 1
    said = capsys.readouterr().err
    assert "2 of 2 inputs lack a report that was asked for." in said and "inputs failed" not in said


@pytest.mark.parametrize("arguments", [["predict", "{}/absent.png"], ["predict", "{}/x", "--model", "absent"]])
def test_only_debug_shows_the_traceback(tmp_path, capsys, arguments):
    arguments = [part.format(tmp_path) for part in arguments]
    arguments += [] if "--model" in arguments else ["--model", "tiny"]
    arguments += ["--output", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main([*arguments, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_failure_ends_without_a_traceback(monkeypatch, capsys):
    def broken():
        raise RuntimeError("a rare fault")

    monkeypatch.setattr(catalog, "list_models", broken)
    assert main(["models"]) == 1
    printed = capsys.readouterr().err
    assert "a rare fault" in printed and "--debug" in printed and "Traceback" not in printed


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "lightning", None)
    for name in [name for name in sys.modules if name.startswith("resformer_unet.training")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["train", str(tmp_path), "--output", str(tmp_path / "model")]) == 1
    assert "pip install 'resformer-unet[train]'" in capsys.readouterr().err


def test_a_data_set_is_checked_without_pytorch(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("resformer_unet.training")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["check-data", str(write_discs(tmp_path, {"train": 12, "val": 4, "test": 4}))]) == 0
    assert "ready" in capsys.readouterr().out


def test_interrupting_ends_quietly(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "list_models", interrupted)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["predict"],
        ["predict", "x.png", "--model", "tiny"],
        ["predict", "x.png", "--output", "out"],
        ["predict", "--model", "tiny", "--output", "out"],
        ["predict", "x.png", "--model", "tiny", "--output", "out", "--slice-axis", "diagonal"],
        ["train", "data", "--output", "m", "--epochs", "0"],
        ["train", "data", "--output", "m", "--epochs", "many"],
        ["train", "data", "--output", "m", "--preset", "huge"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_explained(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: resformer-unet")


def help_text(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_command_line_starts_without_any_heavy_package():
    program = "import sys, resformer_unet.cli.main; print(*{name.split('.')[0] for name in sys.modules})"
    environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDER)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert not {"numpy", *HEAVY} & set(done.stdout.split())


def test_the_help_has_examples_and_exit_codes(capsys):
    text = help_text(capsys)
    assert all(name in text for name in ("predict", "evaluate", "train", "models", "examples:", "exit codes:"))
    assert "resformer-unet predict head.nrrd --model brain-tumor-mr --output results" in text
    assert NOT_FOR_CLINICAL_USE in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("predict", ("--model", "--output", "--device", "--series", "DICOM", "<case>.seg.nrrd")),
        ("predict", ("--list", "--resume", "--cluster", "summary.csv", "tcp://host:8786")),
        ("evaluate", ("--split", "labels.csv", "JSON")),
        ("train", ("--preset", "--epochs", "--recipe", "--resume", "--seed")),
        ("models", ("--json",)),
    ],
)
def test_every_command_explains_its_options(capsys, name, words):
    text = help_text(capsys, name)
    assert all(word in text for word in (*words, "--debug"))


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == __version__


def test_models_are_listed_with_their_diagnoses_and_segments(capsys):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("tiny", "OT", "Tiny model", "Benign, Malignant", "Lesion"))


def test_models_are_listed_as_json_with_the_broken_ones(models, tmp_path, monkeypatch, capsys):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.json").write_text("{")
    monkeypatch.setattr(catalog, "model_folders", lambda: [models, tmp_path])
    assert main(["models", "--json"]) == 0
    printed = capsys.readouterr()
    listed = json.loads(printed.out)
    (row,) = listed["models"]
    assert row["id"] == "tiny" and row["folder"] == str(models / "tiny") and row["weights"]["bytes"] > 0
    assert listed["problems"][0]["folder"] == str(tmp_path / "broken")
    assert "warning:" in printed.err and "broken" in printed.err


@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"]])
def test_without_a_model_the_searched_folders_are_named(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.setattr(catalog, "model_folders", lambda: [tmp_path / "bundled", tmp_path / "nope"])
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert f"warning: {tmp_path / 'nope'}: " in printed.err
    assert f"No models found in {tmp_path / 'bundled'}, {tmp_path / 'nope'}." in printed.err
    if "--json" in arguments:
        listed = json.loads(printed.out)
        assert listed["models"] == [] and len(listed["problems"]) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes as on POSIX")
@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_closed_pipe_does_not_stop_the_work(tmp_path, models, picture, both):
    other = write_picture(tmp_path / "other.png", np.arange(1600, dtype=np.uint16).reshape(40, 40))
    arguments = ["predict", picture, other, "--model", models / "tiny", "--output", tmp_path / "out", "--device", "cpu"]
    done = subprocess.Popen(
        [sys.executable, "-m", "resformer_unet", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(MODULE_FOLDER)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if both else subprocess.PIPE,
    )
    done.stdout.close()  # as `| true` does
    said = b"" if both else done.stderr.read()
    assert done.wait(120) == 0
    assert b"Broken" not in said and b"Errno" not in said
    assert sorted(path.name for path in (tmp_path / "out").glob("*.json")) == ["mole.json", "other.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes as on POSIX")
def test_a_failure_that_nobody_can_be_told_of_has_its_exit_code(tmp_path):
    done = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "resformer_unet",
            "predict",
            str(tmp_path),
            "--model",
            "none",
            "--output",
            str(tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": str(MODULE_FOLDER)},
        stderr=subprocess.PIPE,
    )
    done.stderr.close()
    assert done.wait(120) == 1


def test_evaluate_writes_the_documented_figures(tmp_path, capsys):
    data = write_discs(tmp_path / "data", {"test": 4, "train": 1})
    output = tmp_path / "reports" / "report.json"
    assert main(["evaluate", str(data), "--model", "tiny", "--split", "test", "--output", str(output)]) == 0
    report = json.loads(output.read_text("utf-8"))
    assert report["cases"] == 4 and len(report["per_case"]) == 4
    assert report["segmentation"].keys() == {
        "dice", "jaccard", "false_positive_rate", "segment_false_positive_rate", "slice_false_positive_rate"
    }  # fmt: skip
    assert report["segmentation"]["dice"].keys() == {"mean", "lesion"}
    assert report["diagnosis"].keys() == {
        "accuracy", "balanced_accuracy", "macro_auc", "auc", "sensitivity", "specificity", "ece"
    }  # fmt: skip
    printed = capsys.readouterr()
    assert "4 cases with tiny 1.0.0" in printed.out and "Dice      mean 0." in printed.out
    assert "macro auc" in printed.out and "evaluating: 4 of 4" in printed.err


def test_evaluate_names_the_cases_that_failed(tmp_path, capsys):
    data = write_discs(tmp_path / "data", {"test": 3})
    (data / "images" / "test-1.png").write_text("no image")
    assert main(["evaluate", str(data), "--model", "tiny", "--output", str(tmp_path / "report.json")]) == 1
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["failed"][0]["case"] == "test-1"
    assert "failed: test-1: " in capsys.readouterr().out


def test_evaluate_refuses_a_folder_that_is_no_data_set(tmp_path, capsys):
    output = tmp_path / "report.json"
    assert main(["evaluate", str(tmp_path), "--model", "tiny", "--output", str(output)]) == 1
    assert "labels.csv" in capsys.readouterr().err and not output.exists()


def test_evaluate_refuses_an_output_that_cannot_be_written_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(catalog, "find_model", lambda name: pytest.fail("loaded"))
    (tmp_path / "file").write_text("in the way")
    for output, words in ((tmp_path, "is a folder"), (tmp_path / "file" / "report.json", "cannot be written")):
        assert main(["evaluate", str(tmp_path), "--model", "tiny", "--output", str(output)]) == 1
        assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_evaluate_names_a_package_that_its_report_card_needs_before_the_work(package, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(catalog, "find_model", lambda name: pytest.fail("loaded"))
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["evaluate", str(tmp_path), "--model", "tiny", "--output", str(tmp_path / "report.json")]) == 1
    assert f"needs the package {package}, which is not installed" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_progress_is_a_bar_with_the_time_left():
    screen = Terminal()
    progress = Progress(screen)
    for done in range(1, 11):
        progress("head", done, 10)
    progress("mole", 1, 1)
    progress.close()
    shown = screen.getvalue()
    assert "\r" in shown and "head: 100%" in shown and "10/10" in shown and "mole: 100%" in shown and "<" in shown


def test_elsewhere_progress_is_a_line_every_few_seconds():
    log = io.StringIO()
    progress = Progress(log)
    for done in range(1, 1001):
        progress("head", done, 1000)
    progress.close()
    progress("head", 1, 1)
    assert log.getvalue().splitlines() == ["head: 1 of 1000", "head: 1000 of 1000", "head: 1 of 1"]
