"""A bundle that several parts of the engine share."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from helpers.stand_ins import stand_in_bundle


@pytest.mark.parametrize("name", ["folder", "descriptor"])
def test_a_bundle_cannot_be_given_another_folder_or_descriptor(name):
    bundle = stand_in_bundle()
    before = getattr(bundle, name)
    with pytest.raises(FrozenInstanceError):
        setattr(bundle, name, None)
    assert getattr(bundle, name) is before
