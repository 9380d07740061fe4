"""Which version of a model is the newest among those that can be found."""

from __future__ import annotations

import json

import pytest

from helpers.tiny_model import save_tiny
from resformer_unet.model import catalog
from resformer_unet.model.catalog import newer_version


@pytest.fixture
def models(tmp_path, monkeypatch):
    """An empty folder that is the only one searched."""
    monkeypatch.setattr(catalog, "model_folders", lambda: [tmp_path])
    return tmp_path


def write_descriptor(folder, text: str) -> None:
    folder.mkdir()
    (folder / "model.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["1.9.0"], None),
        (["1.9.0", "1.8.5", "0.99.99"], None),
        (["1.9.0", "1.10.0"], "1.10.0"),  # numbers, not text
        (["1.9.0", "2.0.0", "1.99.0"], "2.0.0"),
        (["1.9.0", "1.9.1"], "1.9.1"),
    ],
)
def test_versions_are_compared_number_by_number(models, versions, newest):
    bundle = save_tiny(models / "own", version=versions[0])
    for number, version in enumerate(versions[1:]):
        write_descriptor(models / f"{number}", json.dumps({"id": "tiny", "version": version}))
    assert newer_version(bundle) == newest


def test_other_models_and_what_cannot_be_understood_are_passed_over(models):
    bundle = save_tiny(models / "own")
    texts = ['{"id": "other", "version": "9.0.0"}', "{", "[]", '{"id": "tiny"}', '{"id": "tiny", "version": "new"}']
    texts += ['{"id": "tiny", "version": 9}', '{"version": "9.0.0"}', "[" * 100_000]
    for number, text in enumerate(texts):
        write_descriptor(models / f"a{number}", text)
    write_descriptor(models / "z", '{"id": "tiny", "version": "1.0.1"}')
    assert newer_version(bundle) == "1.0.1"
