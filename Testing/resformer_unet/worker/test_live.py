"""The command `live`: an answer is what a prediction gives for the slice, the newest frame comes next, none waits."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helpers.synthetic_images import oblique_affine
from helpers.tiny_model import tiny_descriptor, weights_that_segment
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import load_bundle
from resformer_unet.model.saving import save_bundle
from resformer_unet.worker.frame_ring import SLOTS, FrameReader, FrameWriter
from resformer_unet.worker.latest import Latest
from resformer_unet.worker.live import LiveFrames
from resformer_unet.worker.protocol import CommandContext


class Source:
    """The other program's end: writes images into a ring, and reads labels from the other one."""

    def __init__(self, folder):
        self.writer, self.reader = FrameWriter(folder, "frame"), FrameReader()
        self.number = -1

    def image(self, voxels, affine=None, has_orientation=True):
        self.number += 1
        voxels = np.ascontiguousarray(voxels)
        affine = oblique_affine() if affine is None else affine
        return {
            "number": self.number, "slot": self.writer.write_now(self.number, memoryview(voxels)),
            "dtype": voxels.dtype.str, "shape": list(voxels.shape), "affine_lps": np.asarray(affine).tolist(),
            "name": "Stream", "has_orientation": has_orientation,
        }  # fmt: skip

    def labels(self, answer, number):
        content = self.reader.read(answer["labels"], number, int(np.prod(answer["shape"])))
        return np.frombuffer(content, np.uint8).reshape(answer["shape"])


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path)


def noise(shape=(5, 18, 22), seed=0, dtype=np.int16):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(dtype)


def varied(name):
    """A tiny model with what may go wrong: turned slices, limits of the whole image, several layers, colour."""
    descriptor = tiny_descriptor(segments=("lesion", "edema"))
    if name == "turned":
        descriptor["input"] |= {
            "slice_axis": "acquisition",
            "orientation": {"volume": "radiological", "picture": "transposed", "transpose_tta": True},
            "intensity": {"method": "percentile", "lower": 1, "upper": 99, "scope": "image", "mean": [0], "std": [1]},
        }  # fmt: skip
    elif name == "exclusive":
        descriptor["network"]["exclusive"] = descriptor["segmentation"]["exclusive"] = True
    elif name == "colour":
        descriptor["input"]["channels"] = descriptor["network"]["in_channels"] = 3
        descriptor["input"]["intensity"] |= {"mean": [0.0] * 3, "std": [1.0] * 3}
    return descriptor


def without_time(report):
    return {name: value for name, value in report.items() if name != "timing_s"}


@pytest.mark.parametrize(
    ("name", "shape", "oriented", "options"),
    [
        ("turned", (12, 18, 22), True, {}),
        ("turned", (12, 18, 22), True, {"slice_axis": "sagittal", "smoothing_mm": 1.0}),
        ("turned", (1, 18, 22), False, {}),
        ("exclusive", (3, 18, 22), True, {}),
        ("colour", (1, 18, 22, 3), False, {}),
        ("plain", (3, 18, 22), True, {"min_area_mm2": 5.0}),
    ],
)
def test_an_answer_is_what_a_prediction_gives_for_the_slice(source, tmp_path, name, shape, oriented, options):
    descriptor = varied(name)
    save_bundle(tmp_path / "model", descriptor, weights_that_segment(descriptor), "# Untrained\n")
    predictor = Predictor(load_bundle(tmp_path / "model"), "cpu")
    voxels = noise(shape)
    image = image_from_array(voxels, oblique_affine(), "Stream", oriented)
    live = LiveFrames(predictor, PredictOptions.from_dict(options), tmp_path)
    message = source.image(voxels, has_orientation=oriented)
    axis = predictor.prepare(image, PredictOptions.from_dict(options)).layout.axis
    seen = False
    for number, index in enumerate(range(shape[axis])):
        answer = live.predict({"number": number, "slice": index, "image": message})
        expected = predictor.predict(image, options=PredictOptions.from_dict({**options, "slices": [index, index]}))
        assert without_time(answer["report"]) == without_time(expected.report)
        assert answer["report"]["slices"][0]["index"] == index
        assert answer["report"]["slice_axis"]["array_axis"] == axis
        labels = source.labels(answer, number)
        assert np.array_equal(labels, expected.layers.take(index, 1 + axis))
        seen |= bool(labels.any()) and not labels.all()
    assert seen


def test_another_size_and_type_of_image_is_taken_in_mid_run(source, models, tmp_path):
    live = LiveFrames(Predictor(load_bundle(models / "tiny"), "cpu"), PredictOptions(), tmp_path)
    for number, voxels in enumerate([noise((1, 18, 22)), noise((2, 40, 30), dtype=np.float32), noise((1, 9, 9))]):
        answer = live.predict({"number": number, "slice": 0, "image": source.image(voxels)})
        assert answer["shape"] == [1, *voxels.shape[1:]]
        assert source.labels(answer, number).shape == (1, *voxels.shape[1:])


def test_a_frame_that_cannot_be_used_gets_an_error_and_the_next_one_an_answer(source, models, tmp_path):
    live = LiveFrames(Predictor(load_bundle(models / "tiny"), "cpu"), PredictOptions(), tmp_path)
    black = source.image(np.zeros((1, 18, 22), np.uint8))
    good = source.image(noise())
    wrong = [
        ({"number": 0, "slice": 0, "image": black}, "CONSTANT_IMAGE"),
        ({"number": 1, "slice": 5, "image": good}, "BAD_OPTION"),
        ({"number": 2, "slice": 0, "image": {**good, "number": 7, "dtype": "object"}}, "BAD_COMMAND"),
        ({"number": 2, "slice": 0, "image": {**good, "number": 8, "shape": [50, 180, 220]}}, "BAD_COMMAND"),
        ({"number": 2, "slice": 0, "image": {**good, "number": 9, "slot": str(tmp_path / "none")}}, "BAD_COMMAND"),
        ({"number": 3, "image": good}, "BAD_COMMAND"),
    ]
    for frame, code in wrong:
        with pytest.raises(EngineError) as caught:
            live.predict(frame)
        assert caught.value.code == code
    assert live.predict({"number": 4, "slice": 0, "image": good})["labels"]


def test_a_choice_of_slices_or_probability_maps_is_refused(models, tmp_path):
    for options in (PredictOptions(slices=(0, 1)), PredictOptions(probability_maps=True)):
        with pytest.raises(EngineError) as caught:
            LiveFrames(Predictor(load_bundle(models / "tiny"), "cpu"), options, tmp_path)
        assert caught.value.code == "BAD_OPTION"


def test_an_image_that_was_overwritten_has_no_answer(source, models, tmp_path):
    live = LiveFrames(Predictor(load_bundle(models / "tiny"), "cpu"), PredictOptions(), tmp_path)
    first = source.image(noise())
    for seed in range(1, SLOTS + 1):
        source.image(noise(seed=seed))
    assert live.predict({"number": 0, "slice": 0, "image": first}) is None


def test_a_half_written_slot_is_not_read(tmp_path):
    writer, reader = FrameWriter(tmp_path, "frame"), FrameReader()
    path = writer.write_now(0, memoryview(bytes(100)))
    assert reader.read(path, 0, 100) == bytes(100)
    for number in range(1, SLOTS):
        writer.write_now(number, memoryview(bytes(100)))
    steps = writer.write(SLOTS, memoryview(b"x" * 100))
    next(steps)  # the pixels are there, not all of them perhaps
    assert reader.read(path, 0, 100) is None and reader.read(path, SLOTS, 100) is None
    with pytest.raises(StopIteration):
        next(steps)
    assert reader.read(path, SLOTS, 100) == b"x" * 100


def test_a_ring_makes_a_slot_when_it_is_needed_and_larger_ones_for_larger_images(tmp_path):
    writer = FrameWriter(tmp_path, "frame")
    first = writer.write_now(0, memoryview(bytes(10)))
    assert len(list(tmp_path.iterdir())) == 1
    for number in range(1, SLOTS):
        writer.write_now(number, memoryview(bytes(10)))
    assert writer.write_now(SLOTS, memoryview(bytes(8))) == first  # it has room
    for number in range(3 * SLOTS):
        path = writer.write_now(number, memoryview(np.full(1000 + number, number, np.uint8)))
        assert FrameReader().read(path, number, 1000 + number) == bytes([number]) * (1000 + number)
    assert len(list(tmp_path.iterdir())) == SLOTS


def test_another_writer_in_the_folder_leaves_the_files_of_the_first_alone(tmp_path):
    """A worker that died is replaced while its answers are still mapped: a file that is cut off ends the reader."""
    reader = FrameReader()
    path = FrameWriter(tmp_path, "answer").write_now(0, memoryview(b"x" * 5000))
    assert reader.read(path, 0, 5000) == b"x" * 5000
    assert FrameWriter(tmp_path, "answer").write_now(0, memoryview(b"y")) != path
    assert reader.read(path, 0, 5000) == b"x" * 5000


def test_the_newest_message_is_taken_and_the_others_are_counted():
    latest = Latest()
    for number in range(4):
        latest.put({"number": number})
    assert latest.take(0) == {"number": 3} and latest.dropped == 3
    assert latest.take(0) is None
    latest.wake()
    assert latest.take(60) is None  # at once


def test_frames_that_come_while_one_is_worked_on_replace_each_other(source, models, tmp_path):
    """All in one thread: while a frame is predicted, three others come, and then the command is cancelled."""
    frames, sent = Latest(), []
    images = [source.image(noise((1, 18, 22), seed)) for seed in range(2)]

    def send(event, **content):
        sent.append({"event": event, **content})
        if event == "answer" and content["number"] == 0:
            for number in (1, 2, 3):
                frames.put({"number": number, "slice": 0, "image": images[1]})

    context = CommandContext("a", send, lambda: any(row.get("number") == 3 for row in sent), frames)
    frames.put({"number": 0, "slice": 0, "image": images[0]})
    with pytest.raises(Cancelled):
        LiveFrames(Predictor(load_bundle(models / "tiny"), "cpu"), PredictOptions(), tmp_path).serve(context)
    answers = [row for row in sent if row["event"] == "answer"]
    assert [row["number"] for row in answers] == [0, 3] and answers[-1]["dropped"] == 2
    json.dumps(sent, allow_nan=False)


def test_the_worker_answers_frames_until_it_is_cancelled_and_then_goes_on_with_other_commands(
    worker, models, source, tmp_path
):
    live = {"command": "live", "id": "l", "model": str(models / "tiny"), "device": "cpu", "output": str(tmp_path)}
    worker.send(**live)
    worker.wait_for("status")
    image = source.image(noise())
    for number in range(3):
        worker.send(command="frame", id="l", number=number, slice=number, image=image)
        answer = worker.wait_for("answer", "error")
        assert answer["id"] == "l" and answer["number"] == number
        assert answer["report"]["slices"][0]["index"] == number
        source.labels(answer, number)
    worker.send(command="frame", id="l", number=3, slice="one", image=image)
    assert worker.wait_for("answer", "error")["error"]["code"] == "BAD_COMMAND"
    worker.send(command="cancel", id="l")
    assert worker.wait_for("cancelled", "error")["event"] == "cancelled"
    worker.send(command="frame", id="l", number=4, slice=0, image=image)  # too late: nobody waits for it
    worker.send(**{**live, "options": {"slices": [0, 1]}})
    assert worker.wait_for("error")["code"] == "BAD_OPTION"
    worker.send(command="devices", id="d")
    assert worker.wait_for("result", "answer")["id"] == "d"
