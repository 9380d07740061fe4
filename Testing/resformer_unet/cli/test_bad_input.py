"""Bad input through the command line: a plain sentence, an exit code, no incomplete file."""

from __future__ import annotations

import hashlib
import json
import pickle
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import SimpleITK as sitk
import torch

from helpers.nobody import as_nobody
from helpers.synthetic_images import truncate, volume, write_picture, write_series, write_volume
from helpers.tiny_model import save_tiny, tiny_descriptor, tiny_weights
from resformer_unet.cli.main import main


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny").folder


@pytest.fixture
def model(tiny, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny, tmp_path / "model"))


def picture(folder: Path, name: str = "good.png") -> Path:
    return write_picture(folder / name, np.random.default_rng(0).integers(0, 255, (32, 40), np.uint8))


def run(capsys, *inputs: Path, model: Path, output: Path, device: str = "cpu") -> tuple[int, str]:
    """Exit code and stderr, all of which must be fit for users."""
    arguments = ["predict", *inputs, "--model", model, "--output", output, "--device", device]
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr().err
    assert "Traceback" not in said and "itk::" not in said and "INTERNAL" not in said and "unexpectedly" not in said
    for line in said.splitlines():
        assert not line.startswith("error: ") or line.endswith((".", ")", "[train]"))
    return code, said


def left(folder: Path) -> list[str]:
    """Names of all files under a folder, temporary ones too."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def missing(folder):
    return folder / "absent.nrrd"


def not_an_image(folder):
    (folder / "letter.docx").write_bytes(b"PK\x03\x04" + bytes(range(256)) * 9)
    return folder / "letter.docx"


def text_called_an_image(folder):
    (folder / "x.png").write_text("No image at all.")
    return folder / "x.png"


def truncated_picture(folder):
    return truncate(picture(folder, "x.png"), 0.6)


def truncated_volume(folder):
    return truncate(write_volume(folder / "x.nii.gz", volume(), np.eye(4)), 0.6)


def corrupt(folder):
    path = picture(folder, "x.png")
    data = bytearray(path.read_bytes())
    data[60:120] = bytes(60)
    path.write_bytes(data)
    return path


def empty_file(folder):
    (folder / "x.nrrd").touch()
    return folder / "x.nrrd"


def empty_folder(folder):
    (folder / "series").mkdir()
    return folder / "series"


def folder_without_dicom(folder):
    (folder / "series").mkdir()
    (folder / "series" / "readme.txt").write_text("nothing here")
    return folder / "series"


def several_series(folder):
    for number in (1, 2):
        write_series(folder / f"part{number}", volume(), np.eye(4), uid=f"1.2.3.{number}")
        for file in (folder / f"part{number}").iterdir():
            (folder / "study").mkdir(exist_ok=True)
            file.rename(folder / "study" / f"{number}-{file.name}")
    return folder / "study"


def zero_size(folder):
    path = folder / "x.nrrd"
    path.write_bytes(b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 0 4 4\nencoding: raw\n\n")
    return path


def all_nan(folder):
    return write_volume(folder / "x.nrrd", np.full((4, 20, 20), np.nan, np.float32), np.eye(4))


def all_infinite(folder):
    return write_volume(folder / "x.nrrd", np.full((4, 20, 20), np.inf, np.float32), np.eye(4))


def constant(folder):
    return write_picture(folder / "x.png", np.full((32, 32), 7, np.uint8))


def four_dimensional(folder):
    sitk.WriteImage(sitk.JoinSeries([sitk.GetImageFromArray(volume())] * 3), str(folder / "cine.nrrd"))
    return folder / "cine.nrrd"


def seven_components(folder):
    return write_volume(
        folder / "x.nrrd", np.random.default_rng(0).normal(size=(4, 20, 20, 7)), np.eye(4), is_vector=True
    )


def one_pixel(folder):
    return write_picture(folder / "x.png", np.full((1, 1), 7, np.uint8))


def complex_numbers(folder):
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 9, 9), np.complex64)), str(folder / "x.nii"))
    return folder / "x.nii"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (missing, "does not exist"),
        (not_an_image, "not an image"),
        (text_called_an_image, "not an image"),
        (truncated_picture, "incomplete"),
        (truncated_volume, "incomplete"),
        (corrupt, "damaged"),
        (empty_file, "0 bytes"),
        (empty_folder, "series"),
        (folder_without_dicom, "series"),
        (several_series, "1.2.3.2"),
        (zero_size, "x.nrrd"),
        (all_nan, "NaN or infinite"),
        (all_infinite, "NaN or infinite"),
        (constant, "has the value 7"),
        (four_dimensional, "4 dimensions"),
        (seven_components, "7 values per pixel"),
        (one_pixel, "1 × 1"),
        (complex_numbers, "complex"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_bad_image_is_explained_and_its_good_neighbour_still_predicted(tmp_path, tiny, capsys, make, words):
    bad, good = make(tmp_path), picture(tmp_path)
    code, said = run(capsys, bad, good, model=tiny, output=tmp_path / "out")
    assert code == 1 and words in said and "1 of 2 inputs failed." in said
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")] if "1.2.3" not in words else [said]
    assert str(bad) in line
    assert left(tmp_path / "out") == ["good.json", "good.seg.nrrd", "summary.csv"]


def test_a_few_values_that_are_no_numbers_are_only_a_warning(tmp_path, tiny, capsys):
    voxels = volume().astype(np.float32)
    voxels[0, 0, :2] = np.nan, np.inf
    code, said = run(capsys, write_volume(tmp_path / "x.nrrd", voxels, np.eye(4)), model=tiny, output=tmp_path / "out")
    assert code == 0 and "warning: 2 values are NaN or infinite" in said
    (warning,) = json.loads((tmp_path / "out" / "x.json").read_text("utf-8"))["warnings"][:1]
    assert warning["code"] == "NON_FINITE_VALUES"


def test_a_picture_20_000_pixels_wide_is_predicted_at_its_own_size(tmp_path, tiny, capsys):
    wide = np.zeros((64, 20_000), np.uint8)
    wide[20:40, 5_000:15_000] = 200
    code, _ = run(capsys, write_picture(tmp_path / "wide.png", wide), model=tiny, output=tmp_path / "out")
    assert code == 0
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(tmp_path / "out" / "wide.seg.nrrd"))
    reader.ReadImageInformation()
    assert reader.GetSize()[:2] == (20_000, 64)


def test_paths_with_any_letters_are_read_and_written(tmp_path, tiny, capsys):
    folder = tmp_path / "Köpfe 脳 кожа"
    model = shutil.copytree(tiny, folder / "Modell ☤")
    code, _ = run(capsys, picture(folder, "Schädel ø.png"), model=model, output=folder / "Ergebnis é")
    assert code == 0 and left(folder / "Ergebnis é") == ["Schädel ø.json", "Schädel ø.seg.nrrd"]
    assert json.loads((folder / "Ergebnis é" / "Schädel ø.json").read_text("utf-8"))["case"] == "Schädel ø"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter and write to; those above pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_an_image_that_may_not_be_read_is_said_to_be_so(open_folder, tiny, capsys):
    secret, good = picture(open_folder, "secret.png"), picture(open_folder)
    model = shutil.copytree(tiny, open_folder / "model")
    run(capsys, good, model=model, output=open_folder / "before")  # loads what nobody might not be able to load
    secret.chmod(0)
    closed = open_folder / "closed"
    closed.mkdir(mode=0)
    with as_nobody():
        code, said = run(capsys, secret, closed, closed / "inside.png", good, model=model, output=open_folder / "out")
    assert code == 1 and said.count("permission denied") == 3
    assert left(open_folder / "out") == ["good.json", "good.seg.nrrd", "summary.csv"]


@pytest.mark.parametrize("exists", [True, False], ids=["a folder", "below one"])
def test_an_output_folder_in_which_nobody_may_write_is_said_to_be_so(open_folder, tiny, capsys, exists):
    model, good = shutil.copytree(tiny, open_folder / "model"), picture(open_folder)
    run(capsys, good, model=model, output=open_folder / "before")
    closed = open_folder / "closed"
    closed.mkdir(mode=0o555)
    with as_nobody():
        code, said = run(capsys, good, model=model, output=closed if exists else closed / "out")
    assert code == 1 and "Choose a" in said and "older" in said
    assert left(closed) == []


def test_a_full_disk_leaves_nothing_half_written(tmp_path, tiny, capsys):
    big = np.random.default_rng(0).integers(0, 255, (600, 600), np.uint8)
    path = write_picture(tmp_path / "big.png", big)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))  # no file may grow beyond this, as on a full disk
    try:
        code, said = run(capsys, path, model=tiny, output=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1 and "full" in said
    assert left(tmp_path / "out") == []


def test_an_unknown_model_is_refused_with_the_known_ones(tmp_path, capsys):
    code, said = run(capsys, picture(tmp_path), model=Path("lungs"), output=tmp_path / "out")
    assert code == 1 and "no model “lungs”" in said and "Known models" in said
    assert not (tmp_path / "out").exists()


def replace_weights(model: Path, content: bytes) -> None:
    """Other weights, truthfully described."""
    (model / "weights.safetensors").write_bytes(content)
    descriptor = json.loads((model / "model.json").read_text("utf-8"))
    descriptor["weights"] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (model / "model.json").write_text(json.dumps(descriptor), "utf-8")


def tampered(model):
    content = bytearray((model / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (model / "weights.safetensors").write_bytes(content)


def truncated(model):
    truncate(model / "weights.safetensors", 0.5)


def without_weights(model):
    (model / "weights.safetensors").unlink()


def corrupt_weights(model):
    replace_weights(model, b"\xff" * 1000)


def wrong_tensor_names(model):
    weights = tiny_weights(tiny_descriptor())
    renamed = {f"model.{name}": tensor.half() for name, tensor in weights.items() if tensor.is_floating_point()}
    replace_weights(model, safetensors.torch.save(renamed))


def diary(path: Path) -> None:
    path.write_text("unpickled")


class Attack:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return diary, (self.path,)


def pickle_called_safetensors(model):
    replace_weights(model, pickle.dumps(Attack(model / "unpickled")))


def torch_file_called_safetensors(model):
    torch.save(tiny_weights(tiny_descriptor()), model / "old.pt")
    replace_weights(model, (model / "old.pt").read_bytes())


def without_descriptor(model):
    (model / "model.json").unlink()


def broken_descriptor(model):
    (model / "model.json").write_text('{"schema_version": 1')


def newer_descriptor(model):
    (model / "model.json").write_text('{"schema_version": 99}')


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (tampered, "was changed"),
        (truncated, "model.json states"),
        (without_weights, "cannot be read"),
        (corrupt_weights, "not in the safetensors format"),
        (wrong_tensor_names, "do not fit the network"),
        (pickle_called_safetensors, "pickles above all, are never opened"),
        (torch_file_called_safetensors, "not in the safetensors format"),
        (without_descriptor, "not a model folder"),
        (broken_descriptor, "not a JSON text"),
        (newer_descriptor, "Update"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_bad_model_is_explained_before_anything_is_written(tmp_path, model, capsys, damage, words):
    damage(model)
    code, said = run(capsys, picture(tmp_path), model=model, output=tmp_path / "out")
    assert code == 1 and words in said
    assert not (tmp_path / "out").exists() and not (model / "unpickled").exists()


@pytest.mark.parametrize(
    ("device", "words"),
    [("tpu", "no device called “tpu”"), ("cuda:99", "cuda:99 cannot be used"), ("", "no device called")],
)
def test_a_device_that_does_not_exist_is_explained(tmp_path, tiny, capsys, device, words):
    code, said = run(capsys, picture(tmp_path), model=tiny, output=tmp_path / "out", device=device)
    assert code == 1 and words in said
    assert not (tmp_path / "out").exists()
