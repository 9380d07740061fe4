"""What a resumed training must share with the interrupted one: its settings and its data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resformer_unet.errors import EngineError
from resformer_unet.training.setup.run_record import RECORD, begin_run, check_record

DESCRIPTOR = {"id": "model", "training": {"date": "2026-01-01", "device": "CPU", "recipe": {"epochs": 3}}}


def refusal(work: Path, descriptor: dict, data: str | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        check_record(work, descriptor, data)
    return caught.value


def test_the_same_data_and_settings_are_resumed_on_another_day_and_machine(tmp_path):
    begin_run(tmp_path, DESCRIPTOR, "a" * 64)
    training = {**DESCRIPTOR["training"], "date": "2026-01-02", "device": "GPU"}
    check_record(tmp_path, {**DESCRIPTOR, "training": training}, "a" * 64)


def test_other_data_are_refused(tmp_path):
    begin_run(tmp_path, DESCRIPTOR, "a" * 64)
    error = refusal(tmp_path, DESCRIPTOR, "b" * 64)
    assert error.code == "RUN_DIFFERS" and error.message.startswith("The data set has changed")


def test_other_settings_are_refused_before_other_data(tmp_path):
    begin_run(tmp_path, DESCRIPTOR, "a" * 64)
    training = {**DESCRIPTOR["training"], "recipe": {"epochs": 4}}
    error = refusal(tmp_path, {**DESCRIPTOR, "training": training}, "b" * 64)
    assert error.code == "RUN_DIFFERS" and "training.recipe.epochs" in error.message


def test_another_precision_is_another_setting(tmp_path):
    begin_run(tmp_path, DESCRIPTOR)
    check_record(tmp_path, DESCRIPTOR, precision="auto")
    with pytest.raises(EngineError, match="other settings: precision"):
        check_record(tmp_path, DESCRIPTOR, precision="bf16-mixed")


def test_a_record_of_an_earlier_version_is_resumed(tmp_path):
    (tmp_path / RECORD).write_text(json.dumps(DESCRIPTOR))
    check_record(tmp_path, DESCRIPTOR, "a" * 64, "32-true")


def test_a_process_that_knows_no_digest_leaves_the_data_to_the_first(tmp_path):
    begin_run(tmp_path, DESCRIPTOR, "a" * 64)
    check_record(tmp_path, DESCRIPTOR)


@pytest.mark.parametrize("content", [None, "", "no JSON", "[]", "3"])
def test_without_a_record_there_is_nothing_to_resume(tmp_path, content):
    if content is not None:
        (tmp_path / RECORD).write_text(content)
    assert refusal(tmp_path, DESCRIPTOR, "a" * 64).code == "NOTHING_TO_RESUME"
