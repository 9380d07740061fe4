"""Agreement of two segmentations, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from resformer_unet.errors import EngineError
from resformer_unet.evaluation.label_comparison import compare_labels

LESION = [{"id": "lesion", "name": "Lesion", "value_first": 1, "value_second": 2}]


def cuboid(*sides: slice, shape: tuple[int, int, int] = (10, 20, 30), value: int = 1) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    labels[sides] = value
    return labels


def compare(first: np.ndarray, second: np.ndarray, spacing=(1.0, 1.0, 1.0)) -> dict:
    (row,) = compare_labels(first, second, LESION, np.diag([*spacing, 1.0]).tolist())
    return row


def test_equal_segmentations_agree_completely():
    first = cuboid(slice(2, 5), slice(4, 9), slice(6, 16))
    row = compare(first, 2 * first, spacing=(0.5, 2.0, 4.0))
    assert (row["id"], row["name"]) == ("lesion", "Lesion")
    assert (row["dice"], row["jaccard"], row["hausdorff95_mm"]) == (1.0, 1.0, 0.0)
    assert row["volume_first_ml"] == row["volume_second_ml"] == pytest.approx(3 * 5 * 10 * 4 / 1000)
    assert row["volume_difference_ml"] == 0


def test_a_shifted_box_has_the_overlap_and_the_distance_of_the_shift():
    first = cuboid(slice(2, 6), slice(4, 9), slice(6, 16))
    second = cuboid(slice(2, 6), slice(4, 9), slice(9, 19), value=2)
    row = compare(first, second, spacing=(2.0, 1.0, 1.0))  # 3 voxels of 2 mm along columns
    assert row["dice"] == pytest.approx(0.7) and row["jaccard"] == pytest.approx(7 / 13)
    assert row["hausdorff95_mm"] == pytest.approx(6.0)


def test_the_volume_difference_is_the_first_minus_the_second():
    first = cuboid(slice(2, 6), slice(4, 9), slice(6, 16))
    second = cuboid(slice(2, 4), slice(4, 9), slice(6, 16), value=2)
    assert compare(first, second)["volume_difference_ml"] == pytest.approx(0.1)
    assert compare(second // 2, 2 * first)["volume_difference_ml"] == pytest.approx(-0.1)


def test_a_speck_far_away_does_not_count_as_it_would_without_the_percentile():
    first = cuboid(slice(2, 8), slice(4, 16), slice(4, 16))
    second = 2 * first
    second[5, 10, 29] = 2
    assert compare(first, second)["hausdorff95_mm"] == 0


def test_the_inside_of_a_picture_is_no_surface():
    first = cuboid(slice(0, 1), slice(2, 12), slice(2, 12), shape=(1, 20, 30))
    second = cuboid(slice(0, 1), slice(2, 12), slice(4, 14), shape=(1, 20, 30), value=2)
    row = compare(first, second)
    assert row["hausdorff95_mm"] == pytest.approx(2.0)


def test_undefined_figures_are_none():
    empty, full = np.zeros((10, 20, 30), np.uint8), cuboid(slice(2, 5), slice(4, 9), slice(6, 16))
    both = compare(empty, empty)
    assert both["dice"] is None and both["jaccard"] is None and both["hausdorff95_mm"] is None
    assert both["volume_difference_ml"] == 0
    one = compare(full, empty)
    assert (one["dice"], one["jaccard"], one["hausdorff95_mm"]) == (0.0, 0.0, None)


def test_a_segment_that_one_image_does_not_hold_is_empty_there():
    full = cuboid(slice(2, 5), slice(4, 9), slice(6, 16))
    segments = [{"id": "a", "name": "A", "value_first": 1, "value_second": None}]
    (row,) = compare_labels(full, full, segments, np.eye(4))
    assert row["dice"] == 0 and row["volume_second_ml"] == 0


def test_an_oblique_grid_counts_by_its_voxels():
    from helpers.synthetic_images import oblique_affine

    first = cuboid(slice(2, 6), slice(4, 9), slice(6, 16))
    (row,) = compare_labels(first, np.roll(2 * first, 4, axis=2), LESION, oblique_affine())
    assert row["hausdorff95_mm"] == pytest.approx(4 * 0.5)
    assert row["volume_first_ml"] == pytest.approx(200 * 0.5 * 0.7 * 3.0 / 1000)


@pytest.mark.parametrize("shape", [(10, 20, 31), (20, 30)])
def test_different_grids_are_an_error(shape):
    with pytest.raises(EngineError) as caught:
        compare_labels(np.zeros((10, 20, 30), np.uint8), np.zeros(shape, np.uint8), LESION, np.eye(4))
    assert caught.value.code == "GRIDS_DIFFER" and "different grids" in caught.value.message


def test_a_lesion_in_a_large_volume_is_compared_in_a_box_around_it(monkeypatch):
    from resformer_unet.evaluation import surface_distance

    voxels, transform = [], surface_distance.distance_transform_edt

    def noted(mask, **options):
        voxels.append(mask.size)
        return transform(mask, **options)

    monkeypatch.setattr(surface_distance, "distance_transform_edt", noted)
    first = cuboid(slice(80, 120), slice(200, 300), slice(200, 300), shape=(200, 512, 512))
    second = np.roll(2 * first, 3, axis=1)
    row = compare(first, second)
    assert voxels and max(voxels) < 2 * np.count_nonzero(first)
    assert row["hausdorff95_mm"] == pytest.approx(3)
