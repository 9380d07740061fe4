"""What the header of a segmentation file says of its segments."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.named_masks import write_named
from helpers.synthetic_images import volume, write_volume
from resformer_unet.image.guarded_reading import read_image_guarded
from resformer_unet.image.reading import read_image
from resformer_unet.image.stored_segments import StoredSegment, stored_segments

LABELS = (np.arange(3 * 16 * 20) % 3).astype(np.uint8).reshape(3, 16, 20)


@pytest.mark.parametrize("read", [read_image, read_image_guarded])
@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.mha"])
def test_an_image_comes_with_the_segments_that_its_file_names(tmp_path, read, name):
    path = write_named(tmp_path / name, LABELS, [("tumour", "Tumor größer", 0, 2), ("edema", "", 0, 1)])
    image = read(path)
    assert image.segments == (StoredSegment("tumour", "Tumor größer", 0, 2), StoredSegment("edema", "", 0, 1))
    assert [segment.title for segment in image.segments] == ["Tumor größer", "edema"]
    assert np.array_equal(image.voxels[..., 0], LABELS)


def test_other_images_name_no_segments(tmp_path):
    assert read_image(write_volume(tmp_path / "x.nrrd", volume(), np.eye(4))).segments == ()


def test_segments_come_in_the_order_of_their_numbers_even_where_some_are_missing():
    fields = {f"Segment{number}_ID": f"s{number}" for number in (10, 2, 0)}
    fields |= {"Segment3_LabelValue": "4", "Segmentation_ReferenceImageExtentOffset": "0 0 0", "Segment0_Extent": "0 1"}
    assert [segment.id for segment in stored_segments(fields, 1)] == ["s0", "s2", "s10"]


@pytest.mark.parametrize("value", ["", "x", "1.5", "0"])
def test_a_value_that_no_segment_can_have_counts_as_not_stated(value):
    (segment,) = stored_segments({"Segment0_ID": "a", "Segment0_Layer": value, "Segment0_LabelValue": value}, 1)
    assert (segment.layer, segment.value) == (0, None)
