"""Which rows of a slice a strip of the network's input reaches: found by bringing back a strip of ones."""

from __future__ import annotations

import numpy as np
import pytest

from resformer_unet.preprocessing.letterbox import Letterbox

ENLARGED = Letterbox.fit(100, 80, 1.0, 1.0, (48, 64))  # content of 48 rows at the top, of 100 rows
PADDED = Letterbox.fit(60, 100, 1.0, 1.0, (64, 64))  # content of 38 rows from row 13 on, of 60 rows
FIELD = Letterbox.fit(200, 200, 1.0, 1.0, (64, 64), (128.0, 128.0))  # the middle 128 of 200 rows


@pytest.mark.parametrize("box", [ENLARGED, PADDED, FIELD])
@pytest.mark.parametrize(("first", "last"), [(20, 21), (20, 30), (14, 15), (40, 46)])
def test_a_strip_reaches_every_row_it_has_a_part_in_and_at_most_one_more_on_either_side(box, first, last):
    strip = np.zeros((1, 1, *box.size), np.float32)
    strip[:, :, first:last] = 1
    rows = np.flatnonzero(box.inverse(strip)[0, 0].any(axis=1))
    reach = box.reach(first, last)
    assert rows[0] - 1 <= reach.start <= rows[0]
    assert rows[-1] + 1 <= reach.stop <= rows[-1] + 2


@pytest.mark.parametrize("box", [ENLARGED, PADDED, FIELD])
def test_the_whole_input_reaches_all_that_is_shown(box):
    top, _, height, _ = box.window
    assert box.reach(0, box.size[0]) == slice(top, top + height)


@pytest.mark.parametrize(
    ("box", "content", "window"),
    [
        (ENLARGED, (0, 13, 48, 38), (0, 0, 100, 80)),
        (PADDED, (13, 0, 38, 64), (0, 0, 60, 100)),
        (FIELD, (0, 0, 64, 64), (36, 36, 128, 128)),
    ],
)
def test_a_slice_lies_where_its_size_in_millimetres_puts_it(box, content, window):
    assert (box.content, box.window) == (content, window)
