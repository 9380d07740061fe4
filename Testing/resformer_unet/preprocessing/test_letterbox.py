"""Slices of every shape fit into the network's input and come back onto their own pixels."""

import numpy as np
import pytest

from resformer_unet.preprocessing.letterbox import Letterbox


def disc(rows: int, columns: int, row_mm: float, column_mm: float) -> np.ndarray:
    """A disc in millimetres, off the centre: (rows, columns) of 0 and 1."""
    y = (np.arange(rows) + 0.5)[:, None] * row_mm
    x = (np.arange(columns) + 0.5)[None] * column_mm
    height, width = rows * row_mm, columns * column_mm
    radius = 0.3 * min(height, width)
    return ((y - 0.45 * height) ** 2 + (x - 0.55 * width) ** 2 < radius**2).astype(np.float32)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, np.float32)


SHAPES = [(200, 200, 1, 1), (255, 301, 1, 1), (97, 113, 1, 1), (128, 400, 1, 1), (101, 203, 3.0, 1.2), (700, 641, 1, 1)]


@pytest.mark.parametrize(("rows", "columns", "row_mm", "column_mm"), SHAPES)
def test_a_disc_comes_back_where_it_was(rows, columns, row_mm, column_mm):
    drawn = disc(rows, columns, row_mm, column_mm)
    box = Letterbox.fit(rows, columns, row_mm, column_mm, (256, 256))
    seen = box.forward(drawn[None, None])
    assert seen.shape == (1, 1, 256, 256)
    back = box.inverse(seen)[0, 0] > 0.5
    assert back.shape == drawn.shape
    dice = 2 * (back * drawn).sum() / (back.sum() + drawn.sum())
    assert dice > 0.99


def test_the_aspect_in_millimetres_is_kept_and_the_slice_is_centred():
    assert Letterbox.fit(100, 100, 2.0, 1.0, (192, 192)).content == (0, 48, 192, 96)
    assert Letterbox.fit(50, 200, 1.0, 1.0, (100, 100)).content == (37, 0, 25, 100)
    assert Letterbox.fit(256, 256, 0.7, 0.7, (192, 160)).content == (16, 0, 160, 160)
    assert Letterbox.fit(20, 20_000, 1.0, 1.0, (64, 64)).content[2:] == (1, 64)


def test_padding_is_zero():
    seen = Letterbox.fit(50, 100, 1, 1, (64, 64)).forward(np.ones((2, 3, 50, 100), np.float32))
    assert (seen[:, :, :16] == 0).all() and (seen[:, :, 48:] == 0).all()
    assert np.allclose(seen[:, :, 16:48], 1)


def test_a_slice_of_the_right_size_is_untouched():
    batch = noise(2, 1, 48, 64)
    box = Letterbox.fit(48, 64, 1, 1, (48, 64))
    assert np.array_equal(box.forward(batch), batch) and np.array_equal(box.inverse(batch), batch)


@pytest.mark.parametrize("rows", [300, 40])
def test_strips_are_the_rows_of_the_whole(rows):
    box = Letterbox.fit(rows, 90, 1, 1, (64, 64))
    output = noise(1, 2, 64, 64)
    strips = [box.inverse(output, slice(first, first + 7)) for first in range(0, rows, 7)]
    assert np.allclose(np.concatenate(strips, axis=2), box.inverse(output), atol=1e-5)


def test_a_picture_of_20000_columns_is_shrunk_strip_by_strip_before_it_becomes_float():
    picture = np.zeros((1, 1501, 20_000, 3), np.uint8)
    picture[:, 500:1000, 5_000:15_000] = 200
    box = Letterbox.fit(1501, 20_000, 1, 1, (192, 192))
    small = box.shrink(picture)
    assert small.nbytes < 1e6 and small.dtype == np.float32
    seen = box.forward(small.transpose(0, 3, 1, 2))
    direct = box.forward(picture.transpose(0, 3, 1, 2))
    assert np.abs(seen - direct).mean() < 1  # of 200
    back = box.inverse(seen[:, :1], slice(0, 100))
    assert back.shape == (1, 1, 100, 20_000)


def test_blocks_of_pixels_are_averaged_evenly_over_the_slice():
    ramp = np.broadcast_to(np.arange(11, dtype=np.float32)[:, None], (1, 11, 11))
    box = Letterbox.fit(11, 11, 1, 1, (2, 2))
    means = [0.5, 2.5, 5.0, 7.5, 9.5]  # of rows 0-1, 2-3, 4-6, 7-8 and 9-10
    assert box.shrink(ramp[..., None])[0, :, 0, 0].tolist() == means
    assert box.shrink(ramp.swapaxes(1, 2)[..., None])[0, 0, :, 0].tolist() == means


def test_slices_of_usual_size_are_not_shrunk():
    stack = np.zeros((3, 512, 512, 1), np.int16)
    shrunk = Letterbox.fit(512, 512, 1, 1, (192, 192)).shrink(stack)
    assert shrunk.shape == stack.shape and np.shares_memory(shrunk, stack)


@pytest.mark.parametrize("length", [800, 999, 1001, 1003, 1501])
def test_shrinking_moves_nothing_not_even_at_the_far_edge(length):
    column = np.broadcast_to(np.arange(length, dtype=np.float32)[:, None], (1, length, length, 1))
    box = Letterbox.fit(length, length, 1, 1, (192, 192))
    shrunk = box.shrink(column)
    assert shrunk.shape[1] < length
    seen = box.forward(shrunk.transpose(0, 3, 1, 2))[0, 0, :, 0]
    direct = box.forward(column.transpose(0, 3, 1, 2))[0, 0, :, 0]
    assert np.abs(seen - direct)[1:-1].max() < 0.5  # pixels of the picture, of which the network's is at least four


def test_a_field_in_millimetres_shows_the_middle_at_the_same_scale_in_every_image():
    coarse = Letterbox.fit(100, 120, 2.0, 2.0, (64, 64), (128, 128))
    fine = Letterbox.fit(300, 200, 1.0, 1.0, (64, 64), (128, 128))
    assert coarse.window == (18, 28, 64, 64)
    assert fine.window == (86, 36, 128, 128)
    assert coarse.content == fine.content == (0, 0, 64, 64)


def test_an_image_smaller_than_the_field_is_padded_and_not_enlarged():
    small = Letterbox.fit(40, 100, 1.0, 1.0, (64, 64), (128, 128))
    assert small.window == (0, 0, 40, 100)
    assert small.content == (22, 7, 20, 50)


@pytest.mark.parametrize("rows", [None, slice(0, 10), slice(5, 50), slice(90, 100), slice(0, 100)])
def test_the_output_comes_back_into_the_middle_with_zeros_around(rows):
    box = Letterbox.fit(100, 120, 1.0, 1.0, (32, 32), (64, 64))
    output = box.inverse(np.ones((1, 2, 32, 32), np.float32), rows)
    expected = np.zeros((1, 2, 100, 120), np.float32)
    expected[..., 18:82, 28:92] = 1
    assert np.array_equal(output, expected[..., rows or slice(None), :])


@pytest.mark.parametrize(
    ("field_of_view_mm", "rows", "expected"),
    [
        (None, (10, 12), slice(28, 38)),  # 9.5 * 3 - 0.5 to 12.5 * 3 + 0.5
        (None, (0, 1), slice(0, 5)),
        (None, (99, 100), slice(295, 300)),
        (None, (0, 100), slice(0, 300)),
        ((200, 200), (10, 12), slice(50 + 18, 50 + 26)),  # 9.5 * 2 - 0.5 to 12.5 * 2 + 0.5, rounded outwards
    ],
)
def test_rows_of_the_input_reach_half_a_pixel_beyond_themselves(field_of_view_mm, rows, expected):
    box = Letterbox.fit(300, 300, 1, 1, (100, 100), field_of_view_mm)
    assert box.reach(*rows) == expected
    impulse = np.zeros((1, 1, 100, 100), np.float32)
    impulse[..., slice(*rows), :] = 1
    touched = np.flatnonzero(box.inverse(impulse)[0, 0].any(1))
    assert expected.start <= touched[0] <= expected.start + 1 and expected.stop - 1 <= touched[-1] + 1 <= expected.stop


def test_a_mask_keeps_its_place_on_the_way_through_a_field():
    box = Letterbox.fit(100, 120, 1.0, 1.0, (64, 64), (64, 64))
    mask = np.zeros((1, 100, 120, 1), np.float32)
    mask[0, 40:60, 50:70] = 1
    shown = box.shrink(mask).transpose(0, 3, 1, 2)
    assert np.array_equal(box.inverse(box.forward(shown))[0, 0], mask[0, ..., 0])
