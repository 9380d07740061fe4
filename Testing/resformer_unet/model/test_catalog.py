"""Finding models: by id, by folder, in the user's own folders."""

from __future__ import annotations

import os

import pytest

from helpers.tiny_model import save_tiny
from resformer_unet.errors import EngineError
from resformer_unet.model import catalog
from resformer_unet.model.catalog import USER_FOLDERS, find_model, list_models, model_folders


@pytest.fixture
def models(tmp_path, monkeypatch):
    """An empty folder that is the only one searched."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(catalog, "model_folders", lambda: [folder])
    return folder


def test_the_users_folders_come_after_the_bundled_models(tmp_path, monkeypatch):
    own = [tmp_path / "one", tmp_path / "zwei ü"]
    monkeypatch.setenv(USER_FOLDERS, os.pathsep.join(map(str, own)))
    bundled, *rest = model_folders()
    assert bundled.name in ("Models", "bundled_models")
    assert rest == own


def test_without_the_variable_only_the_bundled_models_are_searched(monkeypatch):
    monkeypatch.delenv(USER_FOLDERS, raising=False)
    assert len(model_folders()) == 1


def test_a_searched_folder_may_hold_models_or_be_one(tmp_path, monkeypatch):
    save_tiny(tmp_path / "many" / "a", id="a")
    save_tiny(tmp_path / "many" / "b", id="b")
    save_tiny(tmp_path / "one", id="c")
    monkeypatch.setattr(catalog, "model_folders", lambda: [tmp_path / "many", tmp_path / "missing", tmp_path / "one"])
    models, problems = list_models()
    assert [bundle.id for bundle in models] == ["a", "b", "c"]
    (problem,) = problems
    assert problem["folder"] == str(tmp_path / "missing") and USER_FOLDERS in problem["message"]


def test_a_broken_model_is_reported_and_the_others_are_listed(models):
    save_tiny(models / "good")
    broken = models / "broken"
    broken.mkdir()
    (broken / "model.json").write_text("{")
    found, problems = list_models()
    assert [bundle.id for bundle in found] == ["tiny"]
    assert problems[0]["folder"] == str(broken)
    assert "JSON" in problems[0]["message"]


def test_of_two_models_with_one_id_the_first_is_used_and_the_other_reported(models):
    first, second = save_tiny(models / "a"), save_tiny(models / "b")
    found, problems = list_models()
    assert [bundle.folder for bundle in found] == [first.folder]
    assert problems[0]["folder"] == str(second.folder)
    assert str(first.folder) in problems[0]["message"]


def test_a_model_is_found_by_its_id(models):
    folder = save_tiny(models / "folder-of-another-name").folder
    assert find_model("tiny").folder == folder


def test_finding_a_model_reads_no_other_models_weights_and_checks_no_other_descriptor(models):
    wanted = save_tiny(models / "b", id="liver").folder
    (save_tiny(models / "a", id="spleen").folder / "weights.safetensors").unlink()
    (save_tiny(models / "c", id="kidney").folder / "weights.safetensors").write_bytes(b"damaged")
    (models / "d").mkdir()
    (models / "d" / "model.json").write_text('{"id": "heart"}')
    assert find_model("liver").folder == wanted


@pytest.mark.parametrize("as_text", [True, False])
def test_a_users_model_is_found_by_its_folder(models, tmp_path, as_text):
    folder = save_tiny(tmp_path / "Eigene Modelle – 模型", id="own").folder
    assert find_model(str(folder) if as_text else folder).id == "own"


def test_an_id_wins_over_a_folder_of_the_same_name_in_the_working_directory(models, tmp_path, monkeypatch):
    folder = save_tiny(models / "tiny").folder
    (tmp_path / "work" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    assert find_model("tiny").folder == folder


def test_an_unknown_id_is_answered_with_the_known_ones(models):
    save_tiny(models / "a", id="liver")
    save_tiny(models / "b", id="spleen")
    with pytest.raises(EngineError) as caught:
        find_model("kidney")
    assert caught.value.code == "MODEL_NOT_FOUND"
    assert "kidney" in str(caught.value)
    assert "liver, spleen" in str(caught.value)


def test_a_model_that_cannot_be_used_says_why_instead_of_being_unknown(models):
    (save_tiny(models / "liver", id="liver").folder / "weights.safetensors").unlink()
    with pytest.raises(EngineError) as caught:
        find_model("liver")
    assert caught.value.code == "MODEL_WEIGHTS_MISSING"


def test_a_folder_without_a_model_says_so(models, tmp_path):
    with pytest.raises(EngineError) as caught:
        find_model(tmp_path)
    assert caught.value.code == "MODEL_NOT_FOUND"
    assert "model.json" in str(caught.value)
