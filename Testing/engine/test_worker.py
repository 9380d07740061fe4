"""The worker as another program meets it: a real process, JSON lines in and out."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from phantom_images import oblique_affine
from tiny_model import save_tiny

PACKAGE = Path(__file__).parents[2] / "ResFormerSeg"
PATIENCE = 90  # seconds; the first job loads torch, on a computer that may be busy
ENDS = ("result", "error", "cancelled")


class Talk:
    """A worker process; its events are read by a thread so that waiting for one can give up."""

    def __init__(self, start: tuple[str, ...] = ("-m", "resformer_unet.worker")) -> None:
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *start],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self.log = b""
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._read_log, daemon=True).start()
        self.ready = self.hear("ready")

    def _listen(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_log(self) -> None:
        for line in self.process.stderr:
            self.log += line

    def write(self, line: bytes) -> None:
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def say(self, **command) -> None:
        self.write(json.dumps(command).encode())

    def events(self, until: tuple[str, ...]) -> list[dict]:
        """Events up to the first of these kinds; every line must be a JSON object with an event."""
        heard = []
        while not heard or heard[-1]["event"] not in until:
            line = self._lines.get(timeout=PATIENCE)
            assert line is not None, f"the worker ended: {self.log.decode()}"
            heard.append(json.loads(line))
        return heard

    def hear(self, *kinds: str) -> dict:
        return self.events(kinds)[-1]

    def close(self) -> int:
        self.process.stdin.close()
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tiny(folder / "tiny")
    save_tiny(folder / "other", id="other", segments=("core", "rim"))
    return folder


@pytest.fixture(scope="module")
def shared_worker():
    talk = Talk()
    yield talk
    talk.process.kill()


@pytest.fixture
def worker(shared_worker):
    assert shared_worker.process.poll() is None, shared_worker.log.decode()
    return shared_worker


def job(folder: Path, models: Path, name: str, *, model: str = "tiny", slices: int = 5, **changes) -> dict:
    """A predict command with its image on disk."""
    voxels = np.random.default_rng(0).integers(0, 255, (slices, 18, 22), np.int16)
    np.save(folder / f"{name}.npy", voxels)
    image = {
        "array": str(folder / f"{name}.npy"), "affine_lps": oblique_affine().tolist(), "name": "Gehirn 脳",
        "has_orientation": True,
    }  # fmt: skip
    (folder / name).mkdir(exist_ok=True)
    command = {
        "command": "predict", "id": name, "image": image, "model": str(models / model), "device": "cpu",
        "output": str(folder / name), "options": {"slice_axis": None},
    }  # fmt: skip
    return {**command, **changes}


def test_it_says_that_it_is_ready_and_which_protocol_it_speaks(worker):
    assert worker.ready["protocol"] == 1 and worker.ready["version"]


def test_a_job_gives_progress_and_a_result_on_the_images_grid(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a"))
    events = worker.events(ENDS)
    kinds = [event["event"] for event in events]
    assert kinds[0] in ("status", "heartbeat") and "status" in kinds and "heartbeat" in kinds
    assert all(event["id"] == "a" for event in events if event["event"] != "heartbeat")
    progress = [(event["done"], event["total"]) for event in events if event["event"] == "progress"]
    assert progress[-1] == (5, 5)
    result = events[-1]
    assert result["event"] == "result"
    labels = np.load(result["labels"], allow_pickle=False)
    assert labels.shape == (1, 5, 18, 22) and labels.dtype == np.uint8
    assert Path(result["labels"]) == tmp_path / "a" / "labels.npy"
    report = result["report"]
    assert report["case"] == "Gehirn 脳" and report["model"]["id"] == "tiny"
    (segment,) = report["segments"]
    assert segment["voxels"] == int((labels == segment["value"]).sum())
    assert {"layer", "color", "terminology", "name"} <= segment.keys()


def test_the_image_is_not_changed(worker, models, tmp_path):
    command = job(tmp_path, models, "a")
    before = Path(command["image"]["array"]).read_bytes()
    worker.say(**command)
    worker.hear("result")
    assert Path(command["image"]["array"]).read_bytes() == before


def test_a_second_job_gives_the_same_answer_on_the_loaded_model_and_another_model_its_own(worker, models, tmp_path):
    layers = {}
    for name, model in (("a", "tiny"), ("b", "tiny"), ("c", "other"), ("d", "tiny")):
        worker.say(**job(tmp_path, models, name, model=model))
        layers[name] = np.load(worker.hear(*ENDS)["labels"])
    assert np.array_equal(layers["a"], layers["b"]) and np.array_equal(layers["a"], layers["d"])
    assert layers["c"].shape == (2, 5, 18, 22)


def test_jobs_may_queue_up(worker, models, tmp_path):
    for name in "abc":
        worker.say(**job(tmp_path, models, name))
    assert [worker.hear(*ENDS)["id"] for _ in range(3)] == ["a", "b", "c"]


def test_the_slice_axis_may_be_chosen(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a", slices=12, options={"slice_axis": "sagittal"}))
    assert worker.hear(*ENDS)["report"]["slice_axis"]["plane"] == "sagittal"


def test_a_job_can_be_cancelled_and_the_next_one_is_done(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "long", slices=4000))
    worker.say(**job(tmp_path, models, "next"))
    worker.hear("progress")
    worker.say(command="cancel", id="long")
    ended = worker.hear(*ENDS)
    assert ended == {"event": "cancelled", "id": "long"}
    assert not (tmp_path / "long" / "labels.npy").exists()
    ended = worker.hear(*ENDS)
    assert (ended["event"], ended["id"]) == ("result", "next")


def test_a_job_that_still_waits_can_be_cancelled(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "long", slices=400))
    worker.say(**job(tmp_path, models, "waiting"))
    worker.say(command="cancel", id="waiting")
    ends = [worker.hear(*ENDS) for _ in range(2)]
    assert [(end["event"], end["id"]) for end in ends] == [("result", "long"), ("cancelled", "waiting")]


@pytest.mark.parametrize("line", [b"garbage", b"{", b"[1, 2]", b"7", b"null", b'"predict"', b"\xff\xfe\x00", b""])
def test_a_line_that_is_no_command_is_answered_and_does_no_harm(worker, models, tmp_path, line):
    worker.write(line)
    error = worker.hear("error")
    assert error["code"] == "NOT_JSON" and error["message"]
    worker.say(**job(tmp_path, models, "a"))
    assert worker.hear(*ENDS)["event"] == "result"


def test_an_unknown_command_is_answered(worker):
    worker.say(command="dance", id="x")
    error = worker.hear(*ENDS)
    assert (error["event"], error["id"], error["code"]) == ("error", "x", "UNKNOWN_COMMAND")
    assert "dance" in error["message"]


def test_what_the_user_can_mend_comes_with_code_message_and_hint(worker, models, tmp_path):
    for changes, code in (
        ({"model": "lungs"}, "MODEL_NOT_FOUND"),
        ({"device": "tpu"}, "DEVICE_UNKNOWN"),
        ({"options": {"slice_axis": "diagonal"}}, "SLICE_AXIS_UNKNOWN"),
    ):
        worker.say(**{**job(tmp_path, models, "a"), **changes})
        error = worker.hear(*ENDS)
        assert error.keys() == {"event", "id", "code", "message", "hint"}
        assert (error["event"], error["id"], error["code"]) == ("error", "a", code) and error["hint"]


def test_a_command_with_a_missing_or_wrong_entry_is_answered_with_its_name(worker, models, tmp_path):
    good = job(tmp_path, models, "a")
    for changes, entry in (
        ({"model": None}, "model"),
        ({"image": None}, "image"),
        ({"image": {**good["image"], "affine_lps": [[1, 0, 0]]}}, "image.affine_lps"),
        ({"image": {**good["image"], "array": str(tmp_path / "gone.npy")}}, "image.array"),
        ({"output": 7}, "output"),
        ({"options": ["axial"]}, "options"),
        ({"options": {"slice_axis": 1}}, "options.slice_axis"),
    ):
        worker.say(**{**good, **changes})
        error = worker.hear(*ENDS)
        assert (error["id"], error["code"]) == ("a", "BAD_COMMAND") and error["hint"]
        assert f" {entry} " in error["message"]
    worker.say(command="predict", id="x")
    message = worker.hear(*ENDS)["message"]
    assert all(f"{entry} is missing" in message for entry in ("model", "image", "output"))


def test_options_and_device_may_be_null_or_absent(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a", options=None, device=None))
    assert worker.hear(*ENDS)["event"] == "result"
    command = job(tmp_path, models, "a")
    del command["options"], command["device"]
    worker.say(**command)
    assert worker.hear(*ENDS)["event"] == "result"


def test_cancelling_a_job_that_is_unknown_or_over_does_not_touch_a_later_one_of_that_id(worker, models, tmp_path):
    worker.say(command="cancel", id="a")
    for _ in range(2):
        worker.say(**job(tmp_path, models, "a"))
        assert worker.hear(*ENDS)["event"] == "result"
        worker.say(command="cancel", id="a")


def test_a_model_that_was_edited_is_loaded_anew(worker, tmp_path):
    bundle = save_tiny(tmp_path / "edited")
    path = bundle.folder / "model.json"
    outlined = []
    for threshold in (0, 1):
        descriptor = json.loads(path.read_text("utf-8"))
        descriptor["segmentation"]["threshold"] = threshold
        path.write_text(json.dumps(descriptor), "utf-8")
        worker.say(**job(tmp_path, tmp_path, "a", model="edited"))
        outlined.append(worker.hear(*ENDS)["report"]["segments"][0]["voxels"])
    assert outlined == [5 * 18 * 22, 0]


FAILING = """
import resformer_unet.worker as worker
def fail(self, job, command):
    raise RuntimeError("a bug")
worker.Worker._predict = fail
worker.main()
"""


def test_a_bug_is_an_error_with_the_details_in_the_log_and_the_worker_lives_on():
    worker = Talk(("-c", FAILING))
    for name in "ab":
        worker.say(command="predict", id=name)
        error = worker.hear(*ENDS)
        assert (error["id"], error["code"]) == (name, "INTERNAL") and "a bug" in error["message"]
    assert worker.close() == 0
    time.sleep(0.2)
    assert b"Traceback" in worker.log


NOT_A_NUMBER = """
import resformer_unet.worker as worker
worker.Worker._predict = lambda self, job, command: {"report": {"probability": float("nan")}}
worker.main()
"""


def test_what_is_no_json_is_never_sent():
    worker = Talk(("-c", NOT_A_NUMBER))
    worker.say(command="predict", id="a")
    assert worker.hear(*ENDS)["code"] == "INTERNAL"
    assert worker.close() == 0


def test_pickled_arrays_are_not_opened(worker, models, tmp_path):
    command = job(tmp_path, models, "a")
    np.save(command["image"]["array"], np.array([{"any": "object"}], object), allow_pickle=True)
    worker.say(**command)
    assert worker.hear(*ENDS)["event"] == "error"


def test_an_output_folder_that_is_gone_is_told(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a", output=str(tmp_path / "gone")))
    error = worker.hear(*ENDS)
    assert error["code"] == "OUTPUT_NOT_WRITABLE" and "gone" in error["message"]


def test_the_end_of_stdin_ends_the_process_even_in_the_middle_of_a_job(models, tmp_path):
    worker = Talk()
    worker.say(**job(tmp_path, models, "long", slices=20_000))
    worker.hear("progress")
    started = time.monotonic()
    assert worker.close() == 0
    assert time.monotonic() - started < 20


def test_quit_ends_the_process():
    worker = Talk()
    worker.say(command="quit")
    assert worker.process.wait(PATIENCE) == 0


CHATTY = """
import os, resformer_unet.worker as worker
work = worker.Worker._work
def chatty(self, command):
    print("a library prints")
    os.system("echo so does a program")
    os.write(1, b"and C code\\n")
    work(self, command)
worker.Worker._work = chatty
worker.main()
"""


def test_what_libraries_print_goes_to_the_log_and_not_among_the_events():
    worker = Talk(("-c", CHATTY))
    worker.say(command="dance", id="x")
    assert worker.hear("error")["code"] == "UNKNOWN_COMMAND"  # hear() has parsed every line on the way
    assert worker.close() == 0
    time.sleep(0.2)
    for words in (b"a library prints", b"so does a program", b"and C code"):
        assert words in worker.log
