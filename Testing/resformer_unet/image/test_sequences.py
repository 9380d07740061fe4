"""Sequences are read frame by frame, and each frame is what the same image in a file of its own would be."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.dicom_files import stored_values, write_frames, write_slices
from helpers.sequences import write_nifti, write_ultrasound
from helpers.synthetic_images import oblique_affine, truncate, volume, write_volume
from resformer_unet.errors import EngineError
from resformer_unet.image.guarded_reading import open_sequence_guarded
from resformer_unet.image.reading import read_image
from resformer_unet.image.sequence import chosen_frames
from resformer_unet.image.sequence_reading import open_sequence

FRAMES = np.stack([volume(3) + 1000 * number for number in range(4)])


def refusal(path, **options) -> EngineError:
    with pytest.raises(EngineError) as caught:
        open_sequence(path, **options)
    return caught.value


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "x.hdr"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_frame_of_a_nifti_file_is_the_same_volume_in_a_file_of_its_own(tmp_path, name, dtype):
    path = write_nifti(tmp_path / name, FRAMES.astype(dtype), oblique_affine())
    sequence = open_sequence(path)
    assert (sequence.info.name, sequence.info.count) == ("x", 4)
    assert sequence.info.times_s == pytest.approx((0, 0.04, 0.08, 0.12))
    for number in (2, 0, 3):  # also backwards
        alone = read_image(write_volume(tmp_path / "alone.nii.gz", FRAMES[number].astype(dtype), oblique_affine()))
        frame = sequence.read(number)
        assert np.array_equal(frame.voxels, alone.voxels) and frame.voxels.dtype == alone.voxels.dtype
        assert np.allclose(frame.affine, alone.affine, atol=1e-6) and frame.has_volumes
    sequence.close()


def scaled(path, slope: float, intercept: float):
    """The file with a slope and an intercept in its header."""
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(bytes(data))
    return path


def test_slope_and_intercept_of_a_nifti_file_are_applied_as_to_a_single_volume(tmp_path):
    alone = read_image(scaled(write_volume(tmp_path / "a.nii", FRAMES[1], oblique_affine()), 0.5, -3))
    frame = open_sequence(scaled(write_nifti(tmp_path / "x.nii", FRAMES, oblique_affine()), 0.5, -3)).read(1)
    assert np.array_equal(frame.voxels, alone.voxels) and frame.voxels[0, 0, 1, 0] == (FRAMES[1, 0, 0, 1] * 0.5 - 3)


def test_a_big_endian_nifti_file_is_read_in_its_own_order(tmp_path):
    path = write_nifti(tmp_path / "x.nii", FRAMES, np.diag([2.0, 2, 5, 1]))
    swapped, header = bytearray(path.read_bytes()), slice(0, 348)
    fields = [(0, "i4", 1), (40, "i2", 8), (70, "i2", 2), (76, "f4", 8), (108, "f4", 3), (136, "f4", 1),
              (252, "i2", 2), (256, "f4", 6), (280, "f4", 12)]  # fmt: skip
    for first, kind, count in fields:
        size = np.dtype(kind).itemsize * count
        swapped[first : first + size] = (
            np.frombuffer(swapped[header], f"<{kind}", count, first).astype(f">{kind}").tobytes()
        )
    swapped[352:] = FRAMES.astype(">i2").tobytes()
    path.write_bytes(bytes(swapped))
    assert np.array_equal(open_sequence(path).read(2).voxels[..., 0], FRAMES[2])


def test_a_nifti_file_without_a_unit_of_time_has_frames_and_no_times(tmp_path):
    path = write_nifti(tmp_path / "x.nii", FRAMES, np.eye(4))
    data = bytearray(path.read_bytes())
    data[123] &= 7
    path.write_bytes(bytes(data))
    assert open_sequence(path).info.times_s is None


def test_a_file_that_ends_early_is_damaged_from_there_on_only(tmp_path):
    path = truncate(write_nifti(tmp_path / "x.nii", FRAMES, np.eye(4)), 0.6)
    sequence = open_sequence(path)
    assert np.array_equal(sequence.read(1).voxels[..., 0], FRAMES[1])
    with pytest.raises(EngineError) as caught:
        sequence.read(3)
    assert caught.value.code == "CORRUPT_IMAGE"


def test_a_packed_file_that_ends_early_is_damaged(tmp_path):
    path = write_nifti(tmp_path / "x.nii", FRAMES, np.eye(4))
    packed = tmp_path / "y.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes())[:-20])
    with pytest.raises(EngineError) as caught:
        open_sequence(packed).read(3)
    assert caught.value.code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("name", ["x.nii.gz", "x.png"])
def test_a_single_image_is_no_sequence(tmp_path, name):
    if name.endswith("png"):
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((20, 20), np.uint8)), str(tmp_path / name))
    else:
        write_volume(tmp_path / name, volume(), oblique_affine())
    error = refusal(tmp_path / name)
    assert error.code == "NOT_A_SEQUENCE" and "frames" in error.hint


def test_a_4d_image_without_a_choice_of_frames_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(EngineError) as caught:
        read_image(write_nifti(tmp_path / "x.nii.gz", FRAMES, np.eye(4)))
    assert caught.value.code == "IMAGE_4D" and "--frames all" in caught.value.hint


@pytest.mark.parametrize("shape", [(5, 31, 22, 3), (5, 31, 21)], ids=["colour", "grey, an odd number of bytes"])
def test_frames_of_an_ultrasound_cine_are_pictures_with_times(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    sequence = open_sequence(write_ultrasound(tmp_path / "us.dcm", pixels))
    assert sequence.info.count == 5 and sequence.info.times_s == pytest.approx((0, 0.04, 0.08, 0.12, 0.16))
    whole = read_image(tmp_path / "us.dcm")
    for number in (3, 0, 4):
        frame = sequence.read(number)
        assert np.array_equal(frame.voxels[0], whole.voxels[number]) and frame.voxels.dtype == whole.voxels.dtype
        assert np.array_equal(frame.voxels[0].reshape(shape[1:]), pixels[number]) and not frame.has_orientation


def test_compressed_frames_are_decoded_as_the_whole_file_is(tmp_path):
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    pixels = np.random.default_rng(0).integers(0, 9, (4, 32, 24), np.uint8)
    data = dcmread(write_ultrasound(tmp_path / "us.dcm", pixels))
    data.compress(RLELossless)
    data.save_as(tmp_path / "rle.dcm")
    sequence = open_sequence(tmp_path / "rle.dcm")
    assert [np.array_equal(sequence.read(number).voxels[0, ..., 0], pixels[number]) for number in range(4)] == [
        True
    ] * 4


@pytest.mark.parametrize(
    ("entries", "times"),
    [
        ({"FrameTimeVector": ["0", "10", "30", "20"]}, (0, 0.01, 0.04, 0.06)),
        ({"FrameTime": "25"}, (0, 0.025, 0.05, 0.075)),
        ({"CineRate": "20"}, (0, 0.05, 0.1, 0.15)),
        ({"FrameTimeVector": ["0", "10"], "CineRate": "50"}, (0, 0.02, 0.04, 0.06)),
        ({}, None),
    ],
    ids=["vector", "time", "rate", "a vector of another length", "none"],
)
def test_times_come_from_what_the_file_states(tmp_path, entries, times):
    def edit(data) -> None:
        del data.FrameTime
        for name, value in entries.items():
            setattr(data, name, value)

    path = write_ultrasound(tmp_path / "us.dcm", np.zeros((4, 16, 16), np.uint8), edit)
    found = open_sequence(path).info.times_s
    assert found is None if times is None else found == pytest.approx(times)


def with_times(path, delays: list[float]):
    """An enhanced file whose frames have trigger delays in ms."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset

    data = dcmread(path)
    for group, delay in zip(data.PerFrameFunctionalGroupsSequence, delays, strict=True):
        heart = Dataset()
        heart.NominalCardiacTriggerDelayTime = delay
        group.CardiacSynchronizationSequence = [heart]
    data.save_as(path)
    return path


def test_an_enhanced_file_of_slices_and_times_is_a_volume_for_each_time(tmp_path):
    voxels = stored_values(6)  # slices 0 to 2 of two time points
    positions, delays = [2, 0, 1, 1, 2, 0], [50, 50, 0, 50, 0, 0]
    path = with_times(write_frames(tmp_path / "x.dcm", voxels, positions, slopes=[1, 2, 1, 1, 1, 1]), delays)
    stored = voxels[positions].astype(float)
    sequence = open_sequence(path)
    assert sequence.info.count == 2 and sequence.info.times_s == pytest.approx((0, 0.05))
    assert np.array_equal(sequence.read(0).voxels[..., 0], stored[[5, 2, 4]])
    assert np.array_equal(sequence.read(1).voxels[..., 0], stored[[1, 3, 0]] * np.array([2, 1, 1])[:, None, None])
    assert np.allclose(sequence.read(1).affine, [[0.9, 0, 0, -10], [0, 1.1, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])


def test_an_enhanced_volume_is_no_sequence(tmp_path):
    assert refusal(write_frames(tmp_path / "x.dcm", stored_values(), range(6))).code == "NOT_A_SEQUENCE"


def cine_series(folder, slices: int = 3, times: int = 4, leave_out: int | None = None):
    """A series as cine MR has it: a file a slice and time, in no order. Returns (times, slices, rows, columns)."""
    voxels = stored_values(slices * times)
    order = np.random.default_rng(0).permutation(slices * times)

    def edit(data, number: int) -> None:
        time, index = divmod(int(order[number]), slices)
        data.ImagePositionPatient = [-10, -20, 5 + 3.0 * index]
        data.TriggerTime = str(30 * time)
        data.InstanceNumber = number + 1

    write_slices(folder, voxels[order], edit)
    if leave_out is not None:
        sorted(folder.iterdir())[leave_out].unlink()
    return voxels.reshape(times, slices, *voxels.shape[1:])


def test_a_series_with_several_times_is_a_volume_for_each_time(tmp_path):
    voxels = cine_series(tmp_path / "cine")
    sequence = open_sequence(tmp_path / "cine")
    assert sequence.info.count == 4 and sequence.info.times_s == pytest.approx((0, 0.03, 0.06, 0.09))
    for number, frame in enumerate(voxels):
        assert np.array_equal(sequence.read(number).voxels[..., 0], frame)
    assert sequence.read(0).has_volumes and np.allclose(sequence.read(0).spacing, (0.9, 1.1, 3))


def test_a_series_that_lacks_a_slice_of_one_time_is_refused(tmp_path):
    cine_series(tmp_path / "cine", leave_out=5)
    assert refusal(tmp_path / "cine").code == "FRAMES_MISSING"


def test_a_series_of_one_volume_is_no_sequence(tmp_path):
    assert refusal(write_slices(tmp_path / "series", stored_values())).code == "NOT_A_SEQUENCE"


def test_a_reader_process_keeps_the_sequence_open_and_tells_what_is_wrong(tmp_path):
    path = write_nifti(tmp_path / "x.nii.gz", FRAMES, oblique_affine())
    sequence = open_sequence_guarded(path)
    assert sequence.info == open_sequence(path).info
    assert [int(sequence.read(number).voxels[0, 0, 0, 0]) for number in (0, 1, 2, 1)] == [0, 1000, 2000, 1000]
    write_nifti(path, FRAMES[::-1].copy(), oblique_affine())  # another file of that name is read anew
    assert int(open_sequence_guarded(path).read(0).voxels[0, 0, 0, 0]) == 3000
    with pytest.raises(EngineError) as caught:
        open_sequence_guarded(write_volume(tmp_path / "v.nii", volume(), oblique_affine()))
    assert caught.value.code == "NOT_A_SEQUENCE"


@pytest.mark.parametrize(("choice", "frames"), [("all", range(6)), ("4", range(4, 5)), ("2-4", range(2, 5))])
def test_frames_are_chosen_by_number_from_zero(choice, frames):
    assert chosen_frames(choice, 6) == frames


@pytest.mark.parametrize("choice", ["", "6", "4-2", "3-6", "-1", "1,2", "٣"])
def test_frames_that_are_not_there_are_refused(choice):
    with pytest.raises(EngineError) as caught:
        chosen_frames(choice, 6)
    assert caught.value.code == "BAD_FRAMES"
