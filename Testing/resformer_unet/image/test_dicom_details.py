"""What GDCM passes on wrongly or not at all: tables of values, negatives, shapes of pixels, missing pixels."""

from __future__ import annotations

import io
import shutil

import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from helpers.dicom_files import stored_values, write_frames, write_slices
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.image.sequence_reading import open_sequence

VOXELS = stored_values(3)
_PREFIX = "1.2.840.10008.5.1.4.1.1."
CT, PET, MR, RADIOGRAPH, ULTRASOUND = (_PREFIX + kind for kind in ("2", "128", "4", "1", "6.1"))
TABLE = np.arange(len(VOXELS.ravel())) ** 2 % 65521


def table(first: int = 0, representation: str = "OW", signed: bool = False) -> Items:
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [len(TABLE), first, 16], "US"
    item["LUTDescriptor"].VR = "SS" if signed else "US"
    item.LUTData = TABLE.astype("<u2").tobytes() if representation == "OW" else TABLE.tolist()
    item["LUTData"].VR = representation
    return Items([item])


def series(folder, **elements):
    """Slices whose headers have these elements, or lack those that are ``None``."""

    def edit(data, index) -> None:
        for name, value in elements.items():
            if value is None:
                delattr(data, name)
            else:
                setattr(data, name, value)

    return write_slices(folder, VOXELS, edit)


def picture(folder, **elements):
    """As :func:`series`, without place and size."""
    places = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    return series(folder, **{**places, **elements})


@pytest.mark.parametrize("representation", ["OW", "US"])
@pytest.mark.parametrize("syntax", ["explicit", ImplicitVRLittleEndian, RLELossless])
def test_values_are_looked_up_in_the_table_that_a_file_brings(tmp_path, syntax, representation):
    folder = series(tmp_path, ModalityLUTSequence=table(representation=representation))
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        if syntax == RLELossless:
            data.compress(syntax)
        elif syntax != "explicit":
            data.file_meta.TransferSyntaxUID = syntax
        data.save_as(path)
    assert np.array_equal(read_image(folder).voxels[..., 0], TABLE[VOXELS])


def test_a_table_that_begins_below_zero_is_entered_with_signed_values(tmp_path):
    folder = series(tmp_path, PixelRepresentation=1, ModalityLUTSequence=table(-100, signed=True))
    assert np.array_equal(read_image(folder).voxels[..., 0], TABLE[np.minimum(VOXELS + 100, len(TABLE) - 1)])


def test_one_slice_with_a_table_or_a_slope_does_not_lose_its_fractions_among_others(tmp_path):
    def halved(data, index) -> None:
        if index == 1:
            data.ModalityLUTSequence = table()

    folder = write_slices(tmp_path / "table", VOXELS, halved)
    assert np.array_equal(read_image(folder).voxels[..., 0], [VOXELS[0], TABLE[VOXELS[1]], VOXELS[2]])
    folder = tmp_path / "slopes"
    folder.mkdir()
    for k in range(3):
        write_frames(folder / f"{k}.dcm", VOXELS, [k], slopes=[1 + k / 2], sop_class=_PREFIX + "77.1.5.4")
        data = pydicom.dcmread(folder / f"{k}.dcm")
        data.SOPInstanceUID = f"1.2.3.{k}"
        data.save_as(folder / f"{k}.dcm")
    assert np.array_equal(read_image(folder).voxels[..., 0], VOXELS * np.array([1, 1.5, 2])[:, None, None])


def test_the_table_holds_for_each_frame_of_a_sequence_too(tmp_path):
    path = write_frames(tmp_path / "x.dcm", VOXELS, range(3), sop_class=ULTRASOUND)
    data = pydicom.dcmread(path)
    del data.PerFrameFunctionalGroupsSequence, data.SharedFunctionalGroupsSequence
    data.ModalityLUTSequence = table()
    data.save_as(path)
    assert np.array_equal(read_image(path).voxels[..., 0], TABLE[VOXELS])
    assert np.array_equal(open_sequence(path).read(1).voxels[0, ..., 0], TABLE[VOXELS[1]])


def test_a_damaged_table_is_no_reason_for_another_image(tmp_path):
    folder = series(tmp_path, ModalityLUTSequence=table())
    path = folder / "IM002.dcm"
    data = pydicom.dcmread(path)
    data.ModalityLUTSequence[0].LUTDescriptor = [60000, 0, 16]
    data.save_as(path)
    with pytest.raises(EngineError) as caught:
        read_image(folder)
    assert caught.value.code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("sop_class", [CT, PET])
@pytest.mark.parametrize("signed", [0, 1])
def test_hounsfield_units_and_activities_stay_what_they_are_where_low_ones_are_shown_white(tmp_path, sop_class, signed):
    folder = series(
        tmp_path, SOPClassUID=sop_class, PhotometricInterpretation="MONOCHROME1", PixelRepresentation=signed,
        RescaleSlope="2", RescaleIntercept="-1024",
    )  # fmt: skip
    assert np.array_equal(read_image(folder).voxels[..., 0], VOXELS * 2.0 - 1024)


@pytest.mark.parametrize(("signed", "sum_of_both"), [(0, 65535), (1, -1)])
def test_other_negatives_are_read_as_they_are_shown(tmp_path, signed, sum_of_both):
    folder = series(
        tmp_path, SOPClassUID=RADIOGRAPH, PhotometricInterpretation="MONOCHROME1", PixelRepresentation=signed
    )
    assert np.array_equal(read_image(folder).voxels[..., 0], sum_of_both - VOXELS.astype(int))


def test_a_negative_with_a_table_is_inverted_after_the_table(tmp_path):
    folder = series(
        tmp_path, SOPClassUID=RADIOGRAPH, PhotometricInterpretation="MONOCHROME1", ModalityLUTSequence=table()
    )
    assert np.array_equal(read_image(folder).voxels[..., 0], 65535 - TABLE[VOXELS])


def ultrasound_regions(*heights: float) -> Items:
    regions = []
    for height in heights:
        region = Dataset()
        region.RegionSpatialFormat, region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = 1, 3, 3
        region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, height
        regions.append(region)
    doppler = Dataset()
    doppler.RegionSpatialFormat, doppler.PhysicalUnitsXDirection, doppler.PhysicalUnitsYDirection = 3, 4, 7
    doppler.PhysicalDeltaX, doppler.PhysicalDeltaY = 0.001, 5.0
    return Items([*regions, doppler])


@pytest.mark.parametrize(
    ("elements", "aspect"),
    [
        ({"PixelAspectRatio": [2, 1]}, 2),
        ({"PixelAspectRatio": [3, 4]}, 0.75),
        ({"PixelAspectRatio": [0, 1]}, 1),
        ({"ImagerPixelSpacing": [0.3, 0.2]}, 1.5),
        ({"NominalScannedPixelSpacing": [0.3, 0.2], "PixelAspectRatio": [1, 1]}, 1.5),
        ({"SequenceOfUltrasoundRegions": ultrasound_regions(0.04)}, 2),
        ({"SequenceOfUltrasoundRegions": ultrasound_regions(-0.04, 0.04)}, 2),
        ({"SequenceOfUltrasoundRegions": ultrasound_regions(0.02, 0.04)}, 1),  # one image of two scales
    ],
)
def test_pixels_of_a_picture_have_the_shape_that_its_header_tells(tmp_path, elements, aspect):
    picture(tmp_path, SOPClassUID=ULTRASOUND, **elements)
    image = read_image(tmp_path / "IM001.dcm")
    assert image.spacing[1] / image.spacing[0] == pytest.approx(aspect)
    assert not image.has_areas and not image.has_volumes


def test_a_slice_without_a_pixel_size_keeps_the_shape_of_its_pixels(tmp_path):
    image = read_image(series(tmp_path, PixelSpacing=None, PixelAspectRatio=[2, 1]))
    assert image.spacing[1] / image.spacing[0] == pytest.approx(2) and not image.has_areas


def test_pictures_with_pixels_of_several_shapes_are_no_stack(tmp_path):
    picture(tmp_path, PixelAspectRatio=[2, 1])
    data = pydicom.dcmread(tmp_path / "IM002.dcm")
    del data.PixelAspectRatio
    data.save_as(tmp_path / "IM002.dcm")
    with pytest.raises(EngineError) as caught:
        read_image(tmp_path)
    assert caught.value.code == "MIXED_SERIES"


@pytest.mark.parametrize("syntax", ["explicit", ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_an_element_of_pixels_that_is_too_short_is_called_damaged(tmp_path, syntax):
    path = series(tmp_path) / "IM002.dcm"
    data = pydicom.dcmread(path)
    if syntax != "explicit":
        data.file_meta.TransferSyntaxUID = syntax
    data.PixelData += bytes(6)
    explicit = {"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": syntax != ExplicitVRBigEndian}
    pydicom.dcmwrite(path, data, **explicit)
    assert read_image(path).shape == (1, 20, 24)  # more than enough is no matter
    data.PixelData = data.PixelData[:-8]
    pydicom.dcmwrite(path, data, **explicit)
    with pytest.raises(EngineError) as caught:
        read_image(path)
    assert caught.value.code == "CORRUPT_IMAGE" and "IM002.dcm" in caught.value.message


def test_a_file_with_fewer_frames_than_it_states_is_called_damaged(tmp_path):
    path = write_frames(tmp_path / "x.dcm", VOXELS, range(3))
    data = pydicom.dcmread(path)
    data.PixelData = data.PixelData[: -20 * 24 * 2]
    data.save_as(path)
    with pytest.raises(EngineError) as caught:
        read_image(path)
    assert caught.value.code == "CORRUPT_IMAGE"


def test_values_that_do_not_lie_in_the_lowest_bits_are_refused(tmp_path):
    folder = series(tmp_path, BitsStored=12)  # and HighBit 15
    for read in (read_image, open_sequence):
        with pytest.raises(EngineError) as caught:
            read(folder / "IM001.dcm" if read is read_image else write_odd_frames(tmp_path / "frames.dcm"))
        assert caught.value.code == "UNSUPPORTED_FORMAT" and "high bit" in caught.value.message


def write_odd_frames(path):
    write_frames(path, VOXELS, range(3), sop_class=ULTRASOUND)
    data = pydicom.dcmread(path)
    data.BitsStored = 12
    data.save_as(path)
    return path


def test_slices_of_several_patients_are_no_volume_though_they_name_one_series(tmp_path):
    def anonymised(data, index) -> None:
        data.PatientID = ["A", "", "B"][index]

    with pytest.raises(EngineError) as caught:
        read_image(write_slices(tmp_path / "mixed", VOXELS, anonymised))
    assert caught.value.code == "MIXED_SERIES" and "several patients" in caught.value.message
    folder = series(tmp_path / "one", PatientID="A")
    data = pydicom.dcmread(folder / "IM002.dcm")
    del data.PatientID
    data.save_as(folder / "IM002.dcm")
    assert read_image(folder).shape[0] == 3


def test_the_tiles_of_a_slide_are_no_slices(tmp_path):
    path = write_frames(tmp_path / "x.dcm", VOXELS, range(3), sop_class=_PREFIX + "77.1.6")
    data = pydicom.dcmread(path)
    del data.PerFrameFunctionalGroupsSequence, data.SharedFunctionalGroupsSequence
    data.TotalPixelMatrixColumns, data.TotalPixelMatrixRows = 72, 20
    data.save_as(path)
    for read in (read_image, open_sequence):
        with pytest.raises(EngineError) as caught:
            read(path)
        assert caught.value.code == "UNSUPPORTED_FORMAT" and "tiles" in caught.value.message


def test_a_mosaic_of_slices_is_no_slice(tmp_path):
    folder = series(tmp_path, ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"])
    with pytest.raises(EngineError) as caught:
        read_image(folder / "IM001.dcm")
    assert caught.value.code == "UNSUPPORTED_FORMAT" and "mosaic" in caught.value.message


COLOURS = np.stack([*np.mgrid[:64, :80] * 3, np.full((64, 80), 90)], axis=-1).clip(0, 255).astype(np.uint8)


def write_jpeg(path, stated: str, frames: int, **options):
    """A photograph that says ``stated`` of its colours; ``keep_rgb`` among the options is how Pillow stores RGB."""
    content = io.BytesIO()
    PIL.Image.fromarray(COLOURS).save(content, "JPEG", quality=95, **options)
    write_frames(path, np.zeros((frames, 64, 80), np.uint16), range(frames), sop_class=ULTRASOUND)
    data = pydicom.dcmread(path)
    del data.PerFrameFunctionalGroupsSequence, data.SharedFunctionalGroupsSequence
    data.SamplesPerPixel, data.PlanarConfiguration, data.PhotometricInterpretation = 3, 0, stated
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit = 7
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.PixelData = encapsulate([content.getvalue()] * frames)
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"keep_rgb": True}], ids=["4:2:0", "4:4:4", "RGB"])
def test_the_colours_of_a_jpeg_are_those_that_it_says_itself(tmp_path, frames, stated, options):
    path = write_jpeg(tmp_path / "x.dcm", stated, frames, **options)
    for pixels in read_image(path).voxels:
        assert np.abs(pixels.astype(int) - COLOURS).mean() < 2
    if frames > 1:
        assert np.abs(open_sequence(path).read(1).voxels[0].astype(int) - COLOURS).mean() < 2


def test_copies_of_files_are_no_further_slices_or_times(tmp_path):
    folder = series(tmp_path)
    for path in list(folder.iterdir()):
        shutil.copy(path, folder / f"{path.stem} (1).dcm")
    image = read_image(folder)
    assert np.array_equal(image.voxels[..., 0], VOXELS)
    (warning,) = image.warnings
    assert warning["code"] == "COPIES_SKIPPED" and "3 files" in warning["message"]
    with pytest.raises(EngineError) as caught:
        open_sequence(folder)
    assert caught.value.code == "NOT_A_SEQUENCE"


@pytest.mark.parametrize("other", [(0.6, 0.8, 0), (1, 0, 0), (0, 0.9, 0)])
def test_directions_that_no_image_has_are_not_taken_for_an_orientation(tmp_path, other):
    image = read_image(series(tmp_path, ImageOrientationPatient=[1, 0, 0, *other]))
    assert not image.has_orientation and not image.has_areas
    assert np.array_equal(image.voxels[..., 0], VOXELS)
