"""Models of one's own: of the same id as another, in odd folders, with odd descriptions."""

import json

import pytest

from helpers.paths import MODELS


@pytest.fixture
def makeModel(module, tmp_path):
    """`makeModel("mine", id="x")`: a folder with the brain model's description, changed so."""

    def make(folder: str, **changes):
        descriptor = json.loads((MODELS / "brain-tumor-mr" / "model.json").read_text(encoding="utf-8"))
        place = tmp_path / folder
        place.mkdir(parents=True)
        (place / "model.json").write_text(json.dumps({**descriptor, **changes}), encoding="utf-8")
        return place

    yield make
    import qt

    from ResFormerSegLib.models.own_folders import FOLDERS_SETTING

    qt.QSettings().setValue(FOLDERS_SETTING, "")


def titles(widget) -> list[str]:
    return [widget.ui.modelSelector.itemText(index) for index in range(widget.ui.modelSelector.count)]


def test_of_two_models_of_one_id_a_result_finds_the_one_with_its_weights(widget, makeModel):
    weights = {"file": "weights.safetensors", "sha256": "12" * 32, "bytes": 1, "dtype": "float16"}
    mine = makeModel("mine", weights=weights)
    models = widget.panel.models
    bundled = json.loads((MODELS / "brain-tumor-mr" / "model.json").read_text(encoding="utf-8"))["weights"]
    models.addFolder(str(mine))
    made = {"id": "brain-tumor-mr", "version": "1.0.0"}
    assert models.referenceOf({**made, "sha256": "12" * 32}) == str(mine)
    assert models.referenceOf({**made, "sha256": bundled["sha256"]}) == "brain-tumor-mr"
    assert models.referenceOf({**made, "sha256": "34" * 32}) is None  # weights that are not there any more
    assert models.classNames({**made, "sha256": "34" * 32})  # the names are still known


def test_two_models_of_one_title_can_be_distinguished_in_the_list(widget, makeModel):
    for folder in ("mine", "first/same", "second/same"):
        widget.panel.models.addFolder(str(makeModel(folder)))
    assert len(set(titles(widget))) == len(titles(widget))
    assert any(title.endswith("(mine)") for title in titles(widget))


def test_a_folder_whose_name_holds_a_separator_is_kept(widget, openPanel, makeModel):
    folder = str(makeModel("a:b;c", id="odd", title="Odd"))
    widget.panel.models.addFolder(folder)
    again = openPanel()
    assert "Odd" in titles(again) and again.panel.models.model().reference == folder


def test_folders_that_an_early_version_remembered_are_still_read(widget, makeModel):
    import os

    import qt

    from ResFormerSegLib.models.own_folders import FOLDERS_SETTING, ownFolders

    qt.QSettings().setValue(FOLDERS_SETTING, os.pathsep.join(["/a/first", "/b/second"]))
    assert ownFolders() == ["/a/first", "/b/second"]


def test_one_broken_model_does_not_hide_the_others_of_its_folder(widget, makeModel):
    good = makeModel("many/b", id="good", title="The good one")
    (good.parent / "a").mkdir()
    (good.parent / "a" / "model.json").write_text("{")
    widget.panel.models.addFolder(str(good.parent))
    assert "not a JSON text" in widget.ui.messageLabel.text
    assert "The good one" in titles(widget)
    assert widget._parameterNode.modelReference == str(good)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"limits": "none known"}, "limits"),
        ({"results": [{"split": "test"}]}, "results[0]"),
        ({"training": {"data": "mine"}}, "training"),
        ({"intended_use": 7}, "intended_use"),
    ],
)
def test_a_description_that_the_engine_would_refuse_is_refused_here_too(widget, makeModel, odd, reason):
    folder = makeModel("odd", id="odd", title="Odd", **odd)
    widget.panel.models.addFolder(str(folder))
    assert reason in widget.ui.messageLabel.text and "Odd" not in titles(widget)


def test_a_model_without_measured_results_says_so(scene, makeModel):
    from ResFormerSegLib.models.catalog import readModel
    from ResFormerSegLib.panel.model_details import overviewOf

    assert "not stated" in overviewOf(readModel(makeModel("new", results=[])))
    assert "not stated" not in overviewOf(readModel(MODELS / "brain-tumor-mr"))
