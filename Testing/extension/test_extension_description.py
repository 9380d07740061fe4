"""What CMake, the two descriptions and the module say of the extension must be the same."""

import importlib.metadata
import json

import pytest
from PIL import Image

from helpers.paths import ROOT

REPOSITORY = "https://github.com/ResFormerSeg/SlicerResFormerSeg"
RAW = "https://raw.githubusercontent.com/ResFormerSeg/SlicerResFormerSeg/main/"


@pytest.fixture(scope="module")
def s4ext() -> dict[str, str]:
    lines = (ROOT / "ResFormerSeg.s4ext").read_text(encoding="utf-8").splitlines()
    rows = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return {keyword: value for keyword, _, value in rows}


@pytest.fixture(scope="module")
def entry() -> dict:
    return json.loads((ROOT / "ResFormerSeg.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def parent(module):
    import slicer

    return slicer.modules.ResFormerSegInstance.parent


def test_the_s4ext_file_says_what_cmake_says(s4ext, staged):
    for name, value in staged.description.items():
        assert s4ext[name.lower()] == value, name


def test_the_s4ext_file_has_every_keyword_that_slicer_knows(s4ext):
    keywords = (
        "scm scmurl scmrevision depends recommends build_subdirectory homepage contributors category iconurl status "
        "tier description screenshoturls enabled dicom_support_rule keywords"
    )
    assert set(s4ext) == set(keywords.split())


def test_the_index_entry_says_what_the_s4ext_file_says(entry, s4ext):
    assert entry["scm_url"] == s4ext["scmurl"] == REPOSITORY
    assert entry["scm_revision"] == s4ext["scmrevision"]
    assert entry["category"] == s4ext["category"]
    assert entry["build_dependencies"] == s4ext["depends"].split()
    assert str(entry["tier"]) == s4ext["tier"]


def test_the_index_entry_has_no_key_that_the_index_would_refuse(entry):
    assert set(entry) == {"$schema", "build_dependencies", "category", "scm_revision", "scm_url", "tier"}
    assert entry["tier"] in (1, 3, 5)


def test_the_module_says_what_cmake_says(parent, staged):
    assert parent.title == "ResFormerSeg"
    assert parent.categories == [staged.description["CATEGORY"]]
    assert ", ".join(parent.contributors) == staged.description["CONTRIBUTORS"]
    assert staged.description["HOMEPAGE"] in parent.helpText
    for words in ("Not a medical device", "probab", "volumes"):
        assert words in parent.helpText and words in staged.description["DESCRIPTION"]


def test_pictures_that_the_extensions_manager_shows_are_in_the_repository(staged):
    urls = [staged.description["ICONURL"], *staged.description["SCREENSHOTURLS"].split()]
    for url in urls:
        assert url.startswith(RAW)
        with Image.open(ROOT / url.removeprefix(RAW)) as picture:
            assert picture.format == "PNG"


def test_the_icons_are_square_and_large_enough():
    for path in ("Resources/ResFormerSeg.png", "ResFormerSeg/Resources/Icons/ResFormerSeg.png"):
        with Image.open(ROOT / path) as icon:
            assert icon.size == (128, 128) and icon.mode == "RGBA"
            assert icon.getpixel((0, 0))[3] == 0, "the corner is not transparent"


def test_the_licence_is_the_one_that_the_package_names():
    assert importlib.metadata.metadata("resformer-unet")["License-Expression"] == "MIT"
    assert (ROOT / "LICENSE.txt").read_text(encoding="utf-8").startswith("MIT License")
