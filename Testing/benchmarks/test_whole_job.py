"""How the parts of a whole job are laid out in time, and what the measurement of many and large images draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from resformer_unet.image.plain_nifti import PlainNifti
from resformer_unet.image.reading import open_image

pytest.importorskip("matplotlib")

import scale  # noqa: E402
from plots import draw_scale, draw_waterfall  # noqa: E402
from waterfall import BESIDE, MAIN, MASKS, figures, layout  # noqa: E402

TIMES = {  # of three batches: the second takes long to prepare, the first one's masks take long
    "read": [1.0], "prepare": [0.25, 0.5, 2.0, 0.5], "network": [2.0, 2.0, 2.0], "postprocess": [3.0, 0.5, 0.5, 0.75],
    "write": [0.125],
}  # fmt: skip


def test_each_part_begins_when_what_it_needs_is_there():
    bars = layout(TIMES)
    of = {thread: [bar for bar in bars if bar[1] == thread] for thread in (MAIN, BESIDE, MASKS)}
    assert [begin for _, _, begin, _ in of[BESIDE]] == [1.25, 1.75, 3.75]
    assert [(part, begin, end) for part, _, begin, end in of[MAIN]] == [
        ("check, percentiles", 1.0, 1.25),
        ("network", 1.75, 2.75),
        ("network", 3.75, 4.75),  # its batch was not ready before
        ("network", 5.75, 6.75),  # the masks of the first batch were not ready before
        ("components, report", 7.25, 8.0),
        ("write", 8.0, 8.125),
    ]
    assert [(begin, end) for _, _, begin, end in of[MASKS]] == [(2.75, 5.75), (5.75, 6.25), (6.75, 7.25)]


def test_the_whole_job_over_the_network():
    found = figures(TIMES)
    within = (6 + 3 + 4) / 2  # the network, and what goes on beside it, on two cores
    alone = 1 + 0.25 + 0.75 + 0.125
    assert math.isclose(found["over_network"], (within + alone) / within)
    assert math.isclose(found["over_network_alone"], (within + alone) / 3)


def test_the_pictures_show_every_part(tmp_path):
    draw_waterfall(layout(TIMES), tmp_path / "waterfall.svg")
    picture = (tmp_path / "waterfall.svg").read_text("utf-8")
    assert all(f">{name}<" in picture for name in ("read", "network", "masks of slices", "write", MAIN))
    cases = {"part": "scale cases", "count": 2, "at": [1, 2], "ms": [5.0, 5.0], "own_mb": [9, 9], "reader_mb": [7, 7]}
    large = {"part": "scale volume", "count": 5, "voxels_mb": 10.0, "peak_mb": 20.0, "reader_peak_mb": 7.0}
    draw_scale([cases, large], tmp_path / "scale.svg")
    assert "cases done" in (tmp_path / "scale.svg").read_text("utf-8")


def test_a_large_volume_is_drawn_slice_by_slice_and_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "LARGE", 64)
    opened = open_image(scale.draw_volume(tmp_path / "head.nii.gz", 45))
    assert isinstance(opened, PlainNifti)
    voxels = opened.read().voxels
    assert voxels.shape == (45, 64, 64, 1) and len({slot.tobytes() for slot in voxels}) == scale.DISTINCT
    assert [path.name for path in tmp_path.iterdir()] == ["head.nii.gz"]


def test_small_images_differ(tmp_path):
    paths = scale.draw_pictures(tmp_path / "in", 3)
    assert len({path.read_bytes() for path in paths}) == len(paths) == 3
    assert np.ptp([path.stat().st_size for path in paths]) < 10_000
