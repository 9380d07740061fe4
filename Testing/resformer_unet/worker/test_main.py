"""The worker as another program uses it: a real process, JSON lines in and out, from its start to its end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
import torch

from helpers.paths import MODULE_FOLDER
from helpers.tiny_model import save_tiny
from helpers.worker_talk import ENDS, PATIENCE, WorkerProcess, predict_command
from resformer_unet.worker.main import HEARTBEAT_SECONDS, IDLE_SECONDS, Worker
from resformer_unet.worker.signs_of_work import SignsOfWork


def test_it_reports_that_it_is_ready_and_its_protocol(worker):
    assert worker.ready["protocol"] == 2 and worker.ready["version"]


def test_a_second_command_gives_the_same_result_on_the_loaded_model_and_another_model_its_own(worker, models, tmp_path):
    layers = {}
    for name, model in (("a", "tiny"), ("b", "tiny"), ("c", "other"), ("d", "tiny")):
        worker.send(**predict_command(tmp_path, models, name, model=model))
        layers[name] = np.load(worker.wait_for(*ENDS)["labels"])
    assert np.array_equal(layers["a"], layers["b"]) and np.array_equal(layers["a"], layers["d"])
    assert layers["c"].shape == (2, 5, 18, 22)


def test_commands_may_queue_up(worker, models, tmp_path):
    for name in "abc":
        worker.send(**predict_command(tmp_path, models, name))
    assert [worker.wait_for(*ENDS)["id"] for _ in range(3)] == ["a", "b", "c"]


def test_a_command_can_be_cancelled_and_the_next_one_is_done(worker, models, tmp_path):
    worker.send(**predict_command(tmp_path, models, "long", slices=4000))
    worker.send(**predict_command(tmp_path, models, "next"))
    worker.wait_for("progress")
    worker.send(command="cancel", id="long")
    ended = worker.wait_for(*ENDS)
    assert ended == {"event": "cancelled", "id": "long"}
    assert not (tmp_path / "long" / "labels.npy").exists()
    ended = worker.wait_for(*ENDS)
    assert (ended["event"], ended["id"]) == ("result", "next")


def test_a_command_that_still_waits_can_be_cancelled(worker, models, tmp_path):
    worker.send(**predict_command(tmp_path, models, "long", slices=400))
    worker.send(**predict_command(tmp_path, models, "waiting"))
    worker.send(command="cancel", id="waiting")
    ends = [worker.wait_for(*ENDS) for _ in range(2)]
    assert [(end["event"], end["id"]) for end in ends] == [("result", "long"), ("cancelled", "waiting")]


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"{",
        b"[1, 2]",
        b"7",
        b"null",
        b'"predict"',
        b"\xff\xfe\x00",
        b"",
        b"[" * 9999,
        b'{"a": %s}' % (b"1" * 400),
    ],
)
def test_a_line_that_is_no_command_is_an_error_and_does_no_harm(worker, models, tmp_path, line):
    worker.write(line)
    error = worker.wait_for("error")
    assert error["code"] == "NOT_JSON" and error["message"]
    worker.send(**predict_command(tmp_path, models, "a"))
    assert worker.wait_for(*ENDS)["event"] == "result"


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e300", "1" * 60])
def test_a_command_with_a_number_that_is_none_is_refused_by_its_id(worker, number):
    worker.write(b'{"command": "patient", "id": "a", "reports": [%s]}' % number.encode())
    error = worker.wait_for("error")
    assert (error["id"], error["code"]) == ("a", "BAD_COMMAND") and number[:3] in error["message"]


def test_an_unknown_command_is_an_error(worker):
    worker.send(command="dance", id="x")
    error = worker.wait_for(*ENDS)
    assert (error["event"], error["id"], error["code"]) == ("error", "x", "UNKNOWN_COMMAND")
    assert "dance" in error["message"]


def test_cancelling_a_command_that_is_unknown_or_over_does_not_touch_a_later_one_of_that_id(worker, models, tmp_path):
    worker.send(command="cancel", id="a")
    for _ in range(2):
        worker.send(**predict_command(tmp_path, models, "a"))
        assert worker.wait_for(*ENDS)["event"] == "result"
        worker.send(command="cancel", id="a")


def test_an_edited_model_is_reloaded(worker, tmp_path):
    bundle = save_tiny(tmp_path / "edited")
    path = bundle.folder / "model.json"
    segmented = []
    for threshold in (0, 1):
        descriptor = json.loads(path.read_text("utf-8"))
        descriptor["segmentation"]["threshold"] = threshold
        path.write_text(json.dumps(descriptor), "utf-8")
        worker.send(**predict_command(tmp_path, tmp_path, "a", model="edited"))
        segmented.append(worker.wait_for(*ENDS)["report"]["segments"][0]["voxels"])
    assert segmented == [5 * 18 * 22, 0]


FAILING = """
import resformer_unet.worker.main as worker
def fail(self, command, context):
    raise RuntimeError("a bug")
worker.Commands.run = fail
worker.main()
"""


def test_a_bug_is_an_error_with_the_details_in_the_log_and_the_worker_lives_on():
    worker = WorkerProcess(("-c", FAILING))
    for name in "ab":
        worker.send(command="predict", id=name)
        error = worker.wait_for(*ENDS)
        assert (error["id"], error["code"]) == (name, "INTERNAL") and "a bug" in error["message"]
    assert worker.close() == 0
    assert b"Traceback" in worker.log


NOT_A_NUMBER = """
import resformer_unet.worker.main as worker
worker.Commands.run = lambda self, command, context: {"report": {"probability": float("nan")}}
worker.main()
"""


def test_invalid_json_is_never_sent():
    worker = WorkerProcess(("-c", NOT_A_NUMBER))
    worker.send(command="predict", id="a")
    assert worker.wait_for(*ENDS)["code"] == "INTERNAL"
    assert worker.close() == 0


def test_the_end_of_stdin_ends_the_process_even_in_the_middle_of_a_command(models, tmp_path):
    worker = WorkerProcess()
    worker.send(**predict_command(tmp_path, models, "long", slices=20_000))
    worker.wait_for("progress")
    assert worker.close() == 0
    assert "result" not in [event["event"] for event in worker.rest()]


@pytest.mark.parametrize("end", ["the end of stdin", "quit"])
def test_temporary_folders_are_removed_when_the_other_program_has_died_and_left_to_it_when_it_lives(
    models, tmp_path, end
):
    worker = WorkerProcess()
    folder = tmp_path / "temporary"
    folder.mkdir()
    worker.send(**predict_command(folder, models, "a"), temporary_folder=str(folder))
    assert worker.wait_for(*ENDS)["event"] == "result"
    if end == "quit":
        worker.send(command="quit")
        assert worker.process.wait(PATIENCE) == 0
    else:
        assert worker.close() == 0
    assert folder.exists() == (end == "quit") and models.exists()


def test_half_a_surrogate_in_a_name_is_answered_at_once(worker):
    worker.send(**{"command": "patient", "id": "a", "model": "no\udcffsuch model", "reports": []})
    error = worker.wait_for(*ENDS)
    assert error["code"] == "MODEL_NOT_FOUND" and "no?such model" in error["message"]


def test_it_works_by_its_path_from_a_folder_with_a_colon_and_without_docstrings(tmp_path):
    """PYTHONPATH cannot name such a folder, and PYTHONOPTIMIZE=2 removes the docstrings."""
    package = tmp_path / "an:extension" / "resformer_unet"
    shutil.copytree(MODULE_FOLDER / "resformer_unet", package)
    with (package / "__init__.py").open("a", encoding="utf-8") as file:
        file.write('\n__version__ = "of the copy"\n')
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(package / "worker" / "__main__.py")],
        input=b'{"command": "dance", "id": "x"}\n', capture_output=True, env=environment | {"PYTHONOPTIMIZE": "2"},
    )  # fmt: skip
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["event"] for event in events if event["event"] != "heartbeat"]
    assert kinds == ["ready", "error"] and done.returncode == 0, done.stderr
    assert events[0]["version"] == "of the copy"


@pytest.mark.parametrize("after_a_command", [False, True])
def test_an_idle_worker_ends_by_itself(after_a_command):
    worker = WorkerProcess(("-m", "resformer_unet.worker", "--idle-seconds", "2" if after_a_command else "0.1"))
    if after_a_command:
        time.sleep(0.5)
        started = time.monotonic()
        worker.send(command="dance", id="x")
        worker.wait_for("error")
    assert worker.process.wait(PATIENCE) == 0
    if after_a_command:
        assert time.monotonic() - started >= 2  # the command reset the idle time


BROKEN_GPU = """
import resformer_unet.worker.main as worker
def fail(self, command, context):
    raise RuntimeError("CUDA error: an illegal memory access was encountered")
worker.Commands.run = fail
worker.gpu_is_broken = lambda: True
worker.main()
"""


def test_a_worker_with_a_broken_gpu_ends_with_a_code_of_its_own():
    worker = WorkerProcess(("-c", BROKEN_GPU))
    worker.send(command="predict", id="a")
    assert worker.process.wait(PATIENCE) == 86
    assert not any(event["event"] in ENDS for event in worker.rest())
    assert b"illegal memory access" in worker.log


def test_a_computer_without_a_gpu_has_no_broken_one():
    from resformer_unet.worker.devices import gpu_is_broken

    if not torch.cuda.is_initialized():
        assert not gpu_is_broken()


STUCK = """
import ctypes
import resformer_unet.worker.main as worker
def stuck(self, command, context):
    context.send("status", message="stuck")
    ctypes.CDLL(None).pause()  # in native code, which lets other threads run
worker.Commands.run = stuck
worker.HEARTBEAT_SECONDS, worker.STUCK_SECONDS, worker.STOPPING_SECONDS = 0.05, 1.0, 0.5
worker.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a call as on POSIX")
def test_a_call_into_a_library_that_does_not_come_back_ends_the_heartbeat_and_the_worker_with_its_program(tmp_path):
    worker = WorkerProcess(("-c", STUCK))
    folder = tmp_path / "temporary"
    folder.mkdir()
    worker.send(command="predict", id="a", temporary_folder=str(folder))
    worker.wait_for("status")
    worker.wait_for("heartbeat")
    worker.wait_for_silence(3.0)
    assert worker.process.poll() is None
    assert worker.close() == 0 and not folder.exists()
    worker.rest()
    assert b"does not end" in worker.log


def test_work_in_any_thread_is_a_sign_of_work_and_waiting_is_none():
    signs = SignsOfWork([threading.current_thread()])
    calling, looked, isOver = threading.Lock(), threading.Lock(), False
    calling.acquire(), looked.acquire()

    def one_call_after_another() -> None:
        while not isOver:
            call()  # each look finds it here, in another call like the one before

    def call() -> None:
        calling.release()
        looked.acquire()  # native code: a wait of Python's would be a place of its own

    with ThreadPoolExecutor(1) as threads:
        threads.submit(one_call_after_another)
        try:
            for _ in range(12):
                assert calling.acquire(timeout=PATIENCE) and signs.missing() == 0
                looked.release()
            assert calling.acquire(timeout=PATIENCE)
            # Threads of earlier tests may move meanwhile: that it counts is certain, and not how soon.
            deadline = time.monotonic() + PATIENCE
            while signs.missing() < 9:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            isOver = True
            looked.release()


def test_quit_ends_the_process():
    worker = WorkerProcess()
    worker.send(command="quit")
    assert worker.process.wait(PATIENCE) == 0


CHATTY = """
import os, resformer_unet.worker.main as worker
work = worker.Worker._run
def chatty(self, command):
    print("a library prints")
    os.system("echo so does a program")
    os.write(1, b"and C code\\n")
    work(self, command)
worker.Worker._run = chatty
worker.main()
"""


def test_output_of_libraries_goes_to_the_log_and_not_among_the_events():
    worker = WorkerProcess(("-c", CHATTY))
    worker.send(command="dance", id="x")
    assert worker.wait_for("error")["code"] == "UNKNOWN_COMMAND"  # hear() has parsed every line on the way
    assert worker.close() == 0
    for words in (b"a library prints", b"so does a program", b"and C code"):
        assert words in worker.log


def test_the_times_are_those_of_the_protocol():
    """docs/worker-protocol.md promises them to other programs."""
    assert (HEARTBEAT_SECONDS, IDLE_SECONDS) == (2, 300)


@pytest.mark.parametrize("end", ["the reader is gone", "the file is closed"])
def test_when_its_events_can_no_longer_be_read_a_command_is_stopped_and_the_worker_ends_in_order(models, tmp_path, end):
    command = json.dumps(predict_command(tmp_path, models, "a"))
    reading, events = (os.fdopen(number, mode) for number, mode in zip(os.pipe(), "rw", strict=True))
    (reading if end == "the reader is gone" else events).close()

    over = threading.Event()

    def commands() -> Iterator[str]:
        yield command
        over.wait(PATIENCE)  # stdin stays open

    assert Worker(commands(), events, idle_seconds=0.3).serve() == 0
    assert not (tmp_path / "a" / "labels.npy").exists()
    over.set()
    reading.close()
    with suppress(BrokenPipeError):
        events.close()
