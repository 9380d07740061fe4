"""Reading ahead: in order, at the same time as the work, and never far ahead."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest

from helpers.synthetic_images import write_picture
from helpers.tiny_model import save_tiny
from resformer_unet.batch import run as module
from resformer_unet.batch.run import predict_files
from resformer_unet.errors import EngineError
from resformer_unet.inference.pipeline import read_ahead


def test_items_come_in_order_with_what_was_read_or_why_it_was_not():
    def read(item):
        return 10 // item

    given = list(read_ahead([1, 0, 5], read))
    assert [item for item, _ in given] == [1, 0, 5]
    assert given[0][1].result() == 10 and given[2][1].result() == 2
    with pytest.raises(ZeroDivisionError):
        given[1][1].result()


@pytest.mark.parametrize("ahead", [1, 2])
def test_the_next_ones_are_read_during_the_work_and_no_more(ahead):
    began = [threading.Event() for _ in range(6)]
    for item, _ in read_ahead(range(6), lambda item: began[item].set(), ahead):
        for near in range(item, min(6, item + ahead + 1)):
            assert began[near].wait(10)
        assert not any(event.is_set() for event in began[item + ahead + 1 :])


def test_a_caller_that_stops_early_stops_the_reading():
    read = []
    reading = read_ahead(range(100), read.append)
    next(reading)[1].result()
    reading.close()
    assert len(read) <= 2


def test_two_images_are_in_memory_at_most_also_when_some_fail(tmp_path, monkeypatch):
    model = str(save_tiny(tmp_path / "tiny").folder)
    random = np.random.default_rng(0)
    inputs = [
        write_picture(tmp_path / f"{number}.png", random.integers(0, 255, (40, 40), np.uint8)) for number in range(8)
    ]
    images, most = [], []
    read_case, predict = module.read_case, module.Predictor.predict

    def counted(case):
        most.append(1 + sum(image() is not None for image in images))
        read = read_case(case)
        images.append(weakref.ref(read.image))
        return read

    def failing(self, image, **options):
        if image.name in "25":
            raise EngineError("OUT_OF_MEMORY", "Too large.")
        return predict(self, image, **options)

    monkeypatch.setattr(module, "read_case", counted)
    monkeypatch.setattr(module.Predictor, "predict", failing)
    outcomes = list(predict_files(inputs, model, tmp_path / "out", device="cpu"))
    assert [outcome.case for outcome in outcomes] == [*"01234567"]
    assert sum(isinstance(outcome.result, EngineError) for outcome in outcomes) == 2
    assert max(most) == 2
