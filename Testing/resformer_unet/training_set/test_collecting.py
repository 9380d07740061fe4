"""A training set grows case by case: whole cases only, nothing overwritten, a patient's images in one split."""

from __future__ import annotations

import csv
import resource
import shutil
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from helpers.nobody import as_nobody
from helpers.paths import MODULE_FOLDER
from resformer_unet.cli.main import main
from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.dataset import load_dataset, read_case_image, read_case_mask
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.training_set.adding import add_case
from resformer_unet.training_set.contents import counts_by_class, list_cases, set_locked
from resformer_unet.training_set.removing import remove_case

SHAPE = (3, 16, 20)
OBLIQUE = np.array([[0.8, -0.6, 0, 3], [0.6, 0.8, 0, -7], [0, 0, 2.5, 11], [0, 0, 0, 1.0]])


def volume(seed: int = 0, shape: tuple[int, ...] = SHAPE, **more):
    voxels = np.random.default_rng(seed).integers(0, 200, shape).astype(np.int16)
    return image_from_array(voxels, OBLIQUE, "Doe^John", **more)


def disc(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    mask = np.zeros(shape[:3], np.uint8)
    mask[:, 4:9, 5:12] = 1
    return mask


def add(folder: Path, seed: int = 0, **changes):
    options = {"label": "glioma", "patient": f"patient {seed}", **changes}
    image = options.pop("image", None) or volume(seed)
    return add_case(folder, image, options.pop("mask", disc()), **options)


def files(folder: Path) -> set[str]:
    """All files but the lock, the key and the highest number, which say nothing of a case."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return found - {".lock", ".last-case", "patient-codes.key"}


def refused(code: str, function, *arguments, **options) -> EngineError:
    with pytest.raises(EngineError) as caught:
        function(*arguments, **options)
    assert caught.value.code == code and caught.value.hint
    return caught.value


def test_a_case_reads_back_voxel_for_voxel_where_it_was(tmp_path):
    image = volume()
    case = add(tmp_path / "set", image=image, by="  Dr  Ada ")
    [loaded] = load_dataset(tmp_path / "set")
    stored = read_case_image(loaded)
    assert np.array_equal(stored.voxels, image.voxels) and np.allclose(stored.affine, OBLIQUE)
    assert np.array_equal(read_case_mask(loaded, stored), disc())
    assert (loaded.label, loaded.split, case.corrected_by) == ("glioma", "train", "Dr Ada")
    assert case.added[:2] == "20" and list_cases(tmp_path / "set") == [case]


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 16, 20, 3), np.uint8), ((1, 16, 20), np.float32), ((2, 16, 20), np.uint8)]
)
def test_pictures_stay_without_an_orientation(tmp_path, shape, dtype):
    voxels = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    image = image_from_array(voxels, np.eye(4), "photo", has_orientation=False)
    add_case(tmp_path, image, disc(shape), label="naevus", patient="1")
    [case] = load_dataset(tmp_path)
    stored = read_case_image(case)
    assert not stored.has_orientation and np.array_equal(stored.voxels, image.voxels)
    assert np.array_equal(read_case_mask(case, stored), disc(shape))


@pytest.mark.parametrize(("dtype", "stored"), [("f8", "f4"), ("i8", "i4"), ("u8", "u4"), ("i4", "i4")])
def test_a_stack_of_pictures_is_stored_in_a_type_that_tiff_has_if_its_values_fit(tmp_path, dtype, stored):
    voxels = np.random.default_rng(0).integers(0, 255, (2, 16, 20)).astype(dtype)
    image = image_from_array(voxels, np.eye(4), "stack", has_orientation=False)
    add_case(tmp_path, image, disc((2, 16, 20)), label="naevus", patient="1")
    [case] = load_dataset(tmp_path)
    assert read_case_image(case).voxels.dtype == stored and np.array_equal(read_case_image(case).voxels, image.voxels)


@pytest.mark.parametrize(("dtype", "value"), [("f8", 0.1), ("f8", 1e300), ("i8", 1 << 40), ("u8", 1 << 40)])
def test_a_stack_of_pictures_that_no_tiff_can_hold_is_refused_and_not_for_a_full_disk(tmp_path, dtype, value):
    voxels = np.random.default_rng(0).integers(0, 255, (2, 16, 20)).astype(dtype)
    voxels[0, 0, 0] = value
    image = image_from_array(voxels, np.eye(4), "stack", has_orientation=False)
    error = refused("CASE_NOT_STORED", add_case, tmp_path, image, None, label="naevus", patient="1")
    assert voxels.dtype.name in error.message and voxels.dtype.name.replace("64", "32") in error.hint
    assert not [name for name in files(tmp_path) if "case" in name]


def test_names_say_nothing_of_the_patient(tmp_path):
    case = add(tmp_path, patient="Doe, John 12-345")
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).lower()
    names = " ".join(files(tmp_path)).lower()
    for word in ("doe", "john", "12-345"):
        assert word.encode() not in written and word not in names
    assert case.id == "case-0001" and case.group.startswith("patient-")


def test_a_patients_images_stay_in_one_split_and_capitals_do_not_matter(tmp_path):
    first = add(tmp_path, 1, patient="Doe  John", split="test")
    second = add(tmp_path, 2, patient=" doe john")
    assert (second.group, second.split) == (first.group, "test")
    error = refused("PATIENT_IN_OTHER_SPLIT", add, tmp_path, 3, patient="DOE JOHN", split="train")
    assert "case-0001" in error.message and len(list_cases(tmp_path)) == 2


def test_a_patients_name_is_the_same_in_either_unicode_form(tmp_path):
    composed, apart = (unicodedata.normalize(form, "Müller, Zoë") for form in ("NFC", "NFD"))
    assert composed != apart
    assert add(tmp_path, 1, patient=composed).group == add(tmp_path, 2, patient=apart).group


def test_the_key_makes_codes_that_differ_between_sets(tmp_path):
    assert add(tmp_path / "a", patient="7").group != add(tmp_path / "b", patient="7").group


def test_five_patients_of_a_class_fill_all_splits(tmp_path):
    cases = [add(tmp_path, seed) for seed in range(5)]
    assert [case.split for case in cases] == ["train", "val", "train", "test", "train"]
    add(tmp_path, 9, label="meningioma")
    counts = counts_by_class(list_cases(tmp_path))
    assert counts["glioma"] == {"train": 3, "val": 1, "test": 1} and counts["meningioma"]["train"] == 1


def test_the_same_image_is_not_added_twice(tmp_path):
    add(tmp_path, 1)
    before = files(tmp_path)
    assert "case-0001" in refused("CASE_KNOWN", add, tmp_path, 1, patient="another").message
    assert files(tmp_path) == before


def test_a_removed_case_is_gone_and_its_name_is_not_given_to_another_file(tmp_path):
    add(tmp_path, 1)
    add(tmp_path, 2)
    remove_case(tmp_path, "case-0001")
    assert files(tmp_path) == {"labels.csv", "images/case-0002.nrrd", "masks/case-0002.nrrd"}
    refused("CASE_NOT_FOUND", remove_case, tmp_path, "case-0001")
    (tmp_path / "images" / "case-0003.png").write_bytes(b"of the user's own")
    assert add(tmp_path, 3).id == "case-0004"
    assert (tmp_path / "images" / "case-0003.png").read_bytes() == b"of the user's own"


def test_the_number_of_a_removed_case_is_never_given_again(tmp_path):
    for seed in (1, 2, 3):
        add(tmp_path, seed)
    for name in ("case-0003", "case-0002"):
        remove_case(tmp_path, name)
    copy = shutil.copytree(tmp_path, tmp_path / "copy")
    assert add(tmp_path, 4).id == add(copy, 5).id == "case-0004"


@pytest.mark.parametrize("content", [None, b"", b"many", b"\xff"])
def test_a_set_of_an_earlier_version_remembers_its_numbers_from_the_next_change_on(tmp_path, content):
    for seed in (1, 2):
        add(tmp_path, seed)
    (tmp_path / ".last-case").unlink()
    if content is not None:
        (tmp_path / ".last-case").write_bytes(content)
    remove_case(tmp_path, "case-0002")
    assert add(tmp_path, 3).id == "case-0003"


def test_rows_and_columns_of_an_existing_data_set_stay(tmp_path):
    (tmp_path / "labels.csv").write_text("id,label,split,group,scanner\nold,glioma,train,p1,3T\n")
    add(tmp_path, 1)
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["id"] == "old" and rows[0]["scanner"] == "3T" and rows[1]["scanner"] == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mask": disc((3, 16, 19))}, "MASK_SIZE"),
        ({"mask": disc() * 0.5}, "MASK_VALUES_UNKNOWN"),
        ({"mask": disc().astype(int) * 300}, "MASK_VALUES_UNKNOWN"),
        ({"mask": None, "label": ""}, "NOTHING_TO_LEARN"),
        ({"patient": "  "}, "PATIENT_MISSING"),
        ({"split": "validation"}, "BAD_OPTION"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_and_nothing_is_written(tmp_path, changes, code):
    refused(code, add, tmp_path, **changes)
    assert not files(tmp_path)


def test_an_unreadable_key_is_refused_since_patients_would_not_be_recognised(tmp_path):
    add(tmp_path, 1)
    (tmp_path / "patient-codes.key").write_text("not a key")
    refused("PATIENT_KEY_INVALID", add, tmp_path, 2)


def test_a_read_only_folder_is_refused_clearly(tmp_path):
    for folder in (tmp_path, *tmp_path.parents):  # nobody may read, but not write
        if folder.name.startswith(("test_", "pytest-", "popen-")):
            folder.chmod(0o755)
    add(tmp_path, 1)
    before = files(tmp_path)
    with as_nobody():
        error = refused("OUTPUT_NOT_WRITABLE", add, tmp_path, 2)
        refused("OUTPUT_NOT_WRITABLE", remove_case, tmp_path, "case-0001")
        refused("OUTPUT_NOT_WRITABLE", add, tmp_path / "new", 2)
    assert str(tmp_path) in error.message and files(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
def test_a_full_disk_while_adding_leaves_neither_image_nor_mask(tmp_path):
    add(tmp_path, 1)
    before = files(tmp_path)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (100, 400, 1500):  # too little for the mask, for the image, for none but what follows them
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        try:
            refused("DISK_FULL", add, tmp_path, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert files(tmp_path) == before
    signal.signal(signal.SIGXFSZ, handler)
    assert add(tmp_path, 2).id == "case-0002"


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[2])
from helpers.paths import MODULE_FOLDER
import numpy as np
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.training_set import adding
adding.write_rows = lambda folder, rows: os._exit(9)
image = image_from_array(np.arange(512, dtype=np.int16).reshape(2, 16, 16), np.eye(4), "x")
adding.add_case(sys.argv[1], image, np.ones((2, 16, 16), np.uint8), label="glioma", patient="killed")
"""


def run(program: str, *arguments: object, **options) -> subprocess.Popen:
    environment = {"PYTHONPATH": f"{MODULE_FOLDER}:{Path(__file__).parents[2]}", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, **options)


def test_what_a_killed_process_left_is_not_in_the_set_and_goes_with_the_next_case(tmp_path):
    add(tmp_path, 1)
    assert run(KILLED, tmp_path, Path(__file__).parents[2]).wait(60) == 9
    assert "images/case-0002.nrrd" in files(tmp_path) and len(list_cases(tmp_path)) == 1
    case = add(tmp_path, 2)
    assert files(tmp_path) == {
        "labels.csv",
        *(f"{kind}/case-000{n}.nrrd" for kind in ("images", "masks") for n in (1, 2)),
    }
    assert case.id == "case-0002" and not [
        finding for finding in check_data(tmp_path).findings if finding.code.endswith("WITHOUT_ROW")
    ]
    assert np.array_equal(read_case_image(load_dataset(tmp_path)[1]).voxels, volume(2).voxels)


ADDER = """
import sys
import numpy as np
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.training_set.adding import add_case
start = int(sys.argv[2])
for seed in range(start, start + 6):
    image = image_from_array(seed + np.arange(512, dtype=np.int16).reshape(2, 16, 16), np.eye(4), "x")
    add_case(sys.argv[1], image, np.ones((2, 16, 16), np.uint8), label="glioma", patient=str(seed))
"""


def test_two_processes_add_at_once_and_no_case_is_lost(tmp_path):
    both = [run(ADDER, tmp_path, start) for start in (0, 100)]
    assert [process.wait(120) for process in both] == [0, 0]
    cases = load_dataset(tmp_path)
    values = {int(read_case_image(case).voxels.flat[0]) for case in cases}
    assert values == {*range(6), *range(100, 106)} and len({case.id for case in cases}) == 12
    assert len({case.group for case in list_cases(tmp_path)}) == 12


def test_a_set_that_another_program_is_changing_is_waited_for_only_so_long(tmp_path):
    add(tmp_path, 1)
    with set_locked(tmp_path):
        refused("TRAINING_SET_BUSY", remove_case, tmp_path, "case-0001", seconds=0.1)
    remove_case(tmp_path, "case-0001", seconds=0)


def test_the_command_adds_lists_and_removes(tmp_path, capsys):
    add(tmp_path / "source", 5)
    source = tmp_path / "source"
    image, mask = (str(source / kind / "case-0001.nrrd") for kind in ("images", "masks"))
    set_folder = str(tmp_path / "set")
    options = ["--label", "glioma", "--patient", "Doe", "--by", "Ada"]
    assert main(["collect", set_folder, "--image", image, "--mask", mask, *options]) == 0
    shown = capsys.readouterr()
    assert "case-0001  glioma" in shown.out and "glioma: 1 train, 0 val, 0 test" in shown.out and "Doe" not in shown.out
    assert main(["collect", set_folder, "--image", image, "--mask", mask, *options]) == 1
    assert "already" in capsys.readouterr().err
    assert main(["collect", set_folder, "--remove", "case-0001"]) == 0
    assert capsys.readouterr().out == "no cases\n"


@pytest.mark.parametrize(
    "more",
    [
        ["--mask", "mask.png"],
        ["--model", "cardiac-mr"],
        ["--label", "glioma"],
        ["--patient", "Jo"],
        ["--split", "val"],
        ["--by", "Ada"],
    ],
)
@pytest.mark.parametrize("remove", [[], ["--remove", "case-0001"]])
def test_what_is_said_of_a_case_without_an_image_is_wrong_usage(tmp_path, capsys, more, remove):
    add(tmp_path, 1)
    with pytest.raises(SystemExit) as ended:
        main(["collect", str(tmp_path), *more, *remove])
    assert ended.value.code == 2 and more[0] in (said := capsys.readouterr()).err and "--image" in said.err
    assert len(list_cases(tmp_path)) == 1
