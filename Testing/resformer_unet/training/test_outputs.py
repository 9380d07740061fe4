"""Where a model may be written, and with what, is settled before its training."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from helpers.generated_dataset import write_discs

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from helpers.tiny_training import trained
from resformer_unet.errors import EngineError
from resformer_unet.training.loop.module import ResFormerModule

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*(does not have many workers|Checkpoint directory|log directory).*"),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_discs(tmp_path_factory.mktemp("data") / "discs")


def refusal(*arguments, **options) -> EngineError:
    with pytest.raises(EngineError) as caught:
        trained(*arguments, **options)
    return caught.value


def test_an_output_that_cannot_be_written_is_refused_before_training(data, tmp_path, monkeypatch):
    monkeypatch.setattr(ResFormerModule, "training_step", lambda *arguments: pytest.fail("trained"))
    (tmp_path / "file").write_text("precious")
    assert refusal(data, tmp_path / "file").code == "OUTPUT_NOT_WRITABLE"
    assert refusal(data, tmp_path / "file" / "model").code == "OUTPUT_NOT_WRITABLE"
    assert (tmp_path / "file").read_text() == "precious"


def test_a_package_that_only_the_report_card_needs_is_missed_before_training(data, tmp_path, monkeypatch):
    monkeypatch.setattr(ResFormerModule, "training_step", lambda *arguments: pytest.fail("trained"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # cannot be imported
    assert refusal(data, tmp_path / "model").code == "TRAINING_EXTRA_MISSING"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_files_is_no_place_for_a_model(data, tmp_path, monkeypatch):
    monkeypatch.setattr(ResFormerModule, "training_step", lambda *arguments: pytest.fail("trained"))
    (tmp_path / "README.md").write_text("precious")
    for folder in (tmp_path, data):
        error = refusal(data, folder)
        assert error.code == "OUTPUT_EXISTS" and str(folder) in error.message
    assert (tmp_path / "README.md").read_text() == "precious"


def test_an_empty_folder_may_become_a_model(data, tmp_path):
    (tmp_path / "model").mkdir()
    assert trained(data, tmp_path / "model").folder == tmp_path / "model"
