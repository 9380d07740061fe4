"""Pictures of rarer kinds: their right values, or the reason why they are refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image

GREY = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
TURNS = {  # what a viewer does with the stored picture
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def error_of(path: Path) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read_image(path)
    return caught.value


def pages(path: Path, *written: tuple[np.ndarray, dict]) -> Path:
    with tifffile.TiffWriter(path) as tiff:
        for pixels, options in written:
            tiff.write(pixels, metadata=None, **options)
    return path


RGB, MINISBLACK = {"photometric": "rgb"}, {"photometric": "minisblack"}
SMALL = COLOUR[:10, :12].copy()


@pytest.mark.parametrize(
    "written",
    [
        [(COLOUR, RGB), (SMALL, RGB)],
        [(SMALL, RGB), (COLOUR, RGB)],
        [(COLOUR, RGB), (GREY, MINISBLACK)],
        [(GREY, MINISBLACK), (GREY.astype(np.uint16), MINISBLACK)],
    ],
    ids=["large, small", "small, large", "colour, grey", "8 bits, 16 bits"],
)
def test_a_tiff_of_pages_of_different_size_or_kind_is_refused_and_not_called_damaged(tmp_path, written):
    error = error_of(pages(tmp_path / "x.tif", *written))
    assert error.code == "MIXED_PAGES" and "2 pages" in error.message


def test_smaller_versions_of_a_page_are_left_out(tmp_path):
    tiles = {**RGB, "tile": (16, 16)}
    path = pages(tmp_path / "slide.tif", (COLOUR, tiles), (COLOUR[::2, ::2].copy(), {**tiles, "subfiletype": 1}))
    image = read_image(path)
    assert image.shape == (1, 30, 40) and np.array_equal(image.voxels[0], COLOUR)


def test_a_tiff_whose_pixels_lie_beyond_its_end_is_refused(tmp_path):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, GREY, metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages[0].tags["StripOffsets"].overwrite(10_000)
    assert error_of(path).code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_shows_the_same_picture_as_black_is_zero(tmp_path, dtype, compression):
    picture = GREY.astype(dtype) * (257 if dtype == np.uint16 else 1)
    white = np.iinfo(dtype).max
    tifffile.imwrite(tmp_path / "x.tif", white - picture, photometric="miniswhite", compression=compression)
    image = read_image(tmp_path / "x.tif")
    assert image.voxels.dtype == dtype and np.array_equal(image.voxels[0, ..., 0], picture)


@pytest.mark.parametrize("photometric", ["1", "L"])
def test_white_is_zero_of_fewer_bits_and_of_other_compressions_is_read_too(tmp_path, photometric):
    picture = PIL.Image.fromarray(GREY).convert(photometric)
    compression = "group4" if photometric == "1" else "tiff_lzw"
    picture.save(tmp_path / "x.tif", compression=compression, tiffinfo={262: 0})
    shown = np.asarray(PIL.Image.open(tmp_path / "x.tif").convert("L"))
    assert np.array_equal(read_image(tmp_path / "x.tif").voxels[0, ..., 0], shown)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_grey_with_alpha_in_a_tiff_is_grey(tmp_path, planar):
    both = np.dstack([GREY, np.full_like(GREY, 255)])
    both = both if planar == "contig" else np.moveaxis(both, -1, 0).copy()
    tifffile.imwrite(
        tmp_path / "x.tif", both, photometric="minisblack", extrasamples=["unassalpha"], planarconfig=planar
    )
    assert np.array_equal(read_image(tmp_path / "x.tif").voxels[0], GREY[..., None])


def test_grey_with_alpha_or_a_transparent_value_in_a_png_is_grey(tmp_path):
    PIL.Image.fromarray(GREY).save(tmp_path / "trns.png", transparency=7)
    PIL.Image.fromarray(np.dstack([GREY, GREY[::-1]]), "LA").save(tmp_path / "alpha.png")
    for name in ("trns.png", "alpha.png"):
        assert np.array_equal(read_image(tmp_path / name).voxels[0], GREY[..., None])


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_the_orientation_tag_is_applied_with_a_warning(tmp_path, suffix, orientation):
    smooth = np.linspace(0, 250, 30 * 40).reshape(30, 40).astype(np.uint8)
    exif = PIL.Image.Exif()
    exif[0x112] = orientation
    stored = PIL.Image.fromarray(smooth)
    if suffix == ".tif":
        extra = [(0x112, 3, 1, orientation, True)]
        tifffile.imwrite(tmp_path / "x.tif", smooth, photometric="minisblack", extratags=extra, metadata=None)
    else:
        stored.save(tmp_path / f"x{suffix}", exif=exif, **({"quality": 100} if suffix == ".jpg" else {}))
    image = read_image(tmp_path / f"x{suffix}")
    shown = np.asarray(stored.transpose(TURNS[orientation])).astype(int)
    assert image.shape == (1, *shown.shape) and np.abs(image.voxels[0, ..., 0] - shown).max() <= 3
    (warning,) = image.warnings
    assert warning["code"] == "EXIF_ORIENTATION" and f"EXIF {orientation}" in warning["message"]


def test_pixels_that_are_not_square_keep_their_aspect_when_turned(tmp_path):
    extra = [(0x112, 3, 1, 6, True)]
    tifffile.imwrite(tmp_path / "x.tif", GREY, resolution=(100, 200), extratags=extra, metadata=None)
    column, row, _ = read_image(tmp_path / "x.tif").spacing
    assert np.isclose(column / row, 0.5)  # stored, rows lie half as far apart as columns; they are the columns now


def test_a_film_behind_a_photograph_does_not_matter(tmp_path):
    PIL.Image.fromarray(COLOUR).save(tmp_path / "plain.jpg", quality=95)
    photograph = (tmp_path / "plain.jpg").read_bytes()
    (tmp_path / "motion.jpg").write_bytes(photograph + b"ftypmp42\xff\xda\x00" + bytes(range(256)) * 9)
    assert np.array_equal(read_image(tmp_path / "motion.jpg").voxels, read_image(tmp_path / "plain.jpg").voxels)


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.png", "a.dcm", "a"])
def test_contents_count_and_not_the_name(tmp_path, name):
    PIL.Image.fromarray(COLOUR).save(tmp_path / "plain.jpg", quality=95)
    (tmp_path / name).write_bytes((tmp_path / "plain.jpg").read_bytes())
    assert np.array_equal(read_image(tmp_path / name).voxels, read_image(tmp_path / "plain.jpg").voxels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bmp_of_every_depth_is_read(tmp_path, mode):
    picture = PIL.Image.fromarray(COLOUR).convert(mode)
    picture.save(tmp_path / "x.bmp")
    channels = "RGB" if mode in ("P", "RGB") else "L"
    shown = np.asarray(picture.convert(channels))
    assert np.array_equal(np.squeeze(read_image(tmp_path / "x.bmp").voxels), shown)


def test_bmp_with_the_header_that_gimp_writes_is_read(tmp_path):
    rows, columns = GREY.shape
    body = COLOUR[::-1, :, ::-1].tobytes()
    fields = [124, columns, rows, 1 | 24 << 16, 0, len(body), 2835, 2835, 0, 0]
    header = b"".join(field.to_bytes(4, "little") for field in fields) + bytes(16) + b"BGRs"
    head = b"BM" + (138 + len(body)).to_bytes(4, "little") + bytes(4) + (138).to_bytes(4, "little")
    (tmp_path / "x.bmp").write_bytes(head + header.ljust(124, b"\0") + body)
    assert np.array_equal(read_image(tmp_path / "x.bmp").voxels[0], COLOUR)


def test_tiff_of_doubles_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", GREY / 7)
    assert np.array_equal(read_image(tmp_path / "x.tif").voxels[0, ..., 0], GREY / 7)


def test_jpeg_2000_is_read(tmp_path):
    PIL.Image.fromarray(COLOUR).save(tmp_path / "x.jp2")
    assert np.array_equal(read_image(tmp_path / "x.jp2").voxels[0], COLOUR)


def test_a_truncated_jpeg_2000_is_refused(tmp_path):
    PIL.Image.fromarray(COLOUR).save(tmp_path / "x.jp2")
    (tmp_path / "x.jp2").write_bytes((tmp_path / "x.jp2").read_bytes()[:200])
    assert error_of(tmp_path / "x.jp2").code == "CORRUPT_IMAGE"


def test_an_unsupported_compression_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", GREY, metadata=None)
    with tifffile.TiffFile(tmp_path / "x.tif", mode="r+") as tiff:
        tiff.pages[0].tags["Compression"].overwrite(50000)
    error = error_of(tmp_path / "x.tif")
    assert error.code == "UNSUPPORTED_FORMAT" and "ZSTD" in error.message and "opy" not in error.hint


def test_an_unsupported_number_of_bits_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", GREY.astype(np.uint16), metadata=None)
    with tifffile.TiffFile(tmp_path / "x.tif", mode="r+") as tiff:
        tiff.pages[0].tags["BitsPerSample"].overwrite(12)
    error = error_of(tmp_path / "x.tif")
    assert error.code == "UNSUPPORTED_FORMAT" and "12 bits" in error.message


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4"])
@pytest.mark.parametrize("kind", ["grey", "stack", "colour", "separate colours"])
def test_a_tiff_in_tiles_or_with_separate_channels_keeps_all_its_bits(tmp_path, dtype, kind):
    most = 60_000 if dtype in ("u2", "u4", "f4") else 100
    random = np.random.default_rng(2)
    shape = {"grey": (40, 48), "stack": (3, 40, 48)}.get(kind, (40, 48, 3))
    pixels = random.integers(0, most, shape).astype(dtype)
    if kind == "separate colours":
        tifffile.imwrite(tmp_path / "x.tif", np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate")
    else:
        photometric = "rgb" if kind == "colour" else "minisblack"
        tifffile.imwrite(tmp_path / "x.tif", pixels, photometric=photometric, tile=(16, 16))
    voxels = read_image(tmp_path / "x.tif").voxels
    if dtype == "u1":  # these may come as colours with an alpha, and mean the same
        voxels = voxels[..., :3] if pixels.shape[-1] == 3 else voxels[..., :1]
    assert np.array_equal(voxels, pixels.reshape(voxels.shape))


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_white_is_zero_in_tiles_is_no_negative(tmp_path, dtype):
    pixels = np.random.default_rng(3).integers(0, np.iinfo(dtype).max, (40, 48)).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", np.iinfo(dtype).max - pixels, photometric="miniswhite", tile=(16, 16))
    assert np.array_equal(read_image(tmp_path / "x.tif").voxels[0, ..., 0], pixels)


def with_density(png: Path, unit: int) -> Path:
    """With 1000 columns and 2000 rows a length: a metre for unit 1, an unknown one for 0."""
    content = png.read_bytes()
    chunk = b"pHYs" + struct.pack(">IIB", 1000, 2000, unit)
    place = content.index(b"IDAT") - 4
    png.write_bytes(
        content[:place] + struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[place:]
    )
    return png


@pytest.mark.parametrize("unit", [0, 1])
@pytest.mark.parametrize("pixels", [GREY, COLOUR, np.dstack([GREY, GREY])], ids=["grey", "colour", "alpha"])
def test_a_png_whose_pixels_are_not_square_has_their_shape(tmp_path, pixels, unit):
    PIL.Image.fromarray(pixels).save(tmp_path / "x.png")
    column, row, _ = read_image(with_density(tmp_path / "x.png", unit)).spacing
    assert np.isclose(row / column, 0.5)


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_a_jpeg_whose_pixels_are_not_square_has_their_shape(tmp_path, unit):
    PIL.Image.fromarray(GREY).save(tmp_path / "x.jpg", dpi=(100, 200))
    content = bytearray((tmp_path / "x.jpg").read_bytes())
    content[13] = unit  # of the density in the JFIF header: none, inch, centimetre
    (tmp_path / "x.jpg").write_bytes(content)
    column, row, _ = read_image(tmp_path / "x.jpg").spacing
    assert np.isclose(row / column, 0.5)
