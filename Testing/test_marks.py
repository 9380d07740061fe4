"""The marks by which `make test-fast` leaves tests out."""

import pytest

from helpers.marks import MARKED, markOf
from helpers.paths import TESTING


@pytest.mark.parametrize("place", MARKED)
def test_what_is_marked_exists(place):
    file, _, name = place.partition("::")
    path = TESTING / file
    assert path.exists()
    assert not name or f"def {name}(" in path.read_text(encoding="utf-8")


def test_a_test_gets_the_mark_of_its_folder_or_of_its_fixtures(request):
    assert markOf("Testing/resformer_unet/training/loop/test_losses.py::test_a") == "training"
    assert markOf("Testing/ResFormerSegLib/panel/test_a.py::test_a", ["scene", "openPanel"]) == "panel"
    assert markOf("Testing/resformer_unet/image/test_dicom.py::test_a", ["tmp_path"]) is None
    assert not list(request.node.iter_markers("slow"))
