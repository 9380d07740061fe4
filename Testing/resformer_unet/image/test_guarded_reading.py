"""Reading in another process: the same images and errors, and a crash or a hang costs one file."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import resformer_unet
from helpers.synthetic_images import oblique_affine, volume, write_picture, write_series, write_volume
from resformer_unet.errors import EngineError
from resformer_unet.image import guarded_reading
from resformer_unet.image.guarded_reading import read_image_guarded
from resformer_unet.image.reading import read_image


def refusal(path, **arguments) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read_image_guarded(path, **arguments)
    return caught.value


def test_images_and_warnings_arrive_as_they_are_read(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    (folder / "IM0003.dcm").unlink()
    picture = write_picture(tmp_path / "x.png", np.random.default_rng(0).integers(0, 255, (9, 10, 3), np.uint8))
    for path in (folder, picture, write_volume(tmp_path / "x.nii.gz", volume().astype(np.float64), oblique_affine())):
        here, there = read_image(path), read_image_guarded(path)
        assert np.array_equal(here.voxels, there.voxels) and here.voxels.dtype == there.voxels.dtype
        assert np.array_equal(here.affine, there.affine) and here.warnings == there.warnings
        assert (here.name, here.has_orientation) == (there.name, there.has_orientation)
        assert not there.voxels.flags.writeable


def test_errors_arrive_too_and_the_process_goes_on(tmp_path):
    (tmp_path / "notes.txt").write_text("No image. " * 99)
    error = refusal(tmp_path / "notes.txt")
    assert error.code == "NOT_AN_IMAGE" and error.hint
    assert refusal(tmp_path / "absent.png", series="1.2").code == "FILE_NOT_FOUND"
    assert read_image_guarded(write_volume(tmp_path / "x.nrrd", volume(), np.eye(4))).shape == (6, 20, 24)


def test_relative_paths_start_from_the_folder_that_this_process_is_in(tmp_path, monkeypatch):
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        write_picture(tmp_path / str(number) / "x.png", np.full((9, 9), number, np.uint8))
        monkeypatch.chdir(tmp_path / str(number))
        assert (read_image_guarded(Path("x.png")).voxels == number).all()


def test_a_reader_that_was_started_beforehand_reads_the_next_image(tmp_path):
    guarded_reading.start_reader()
    started, count = guarded_reading._idle[-1]._process, len(guarded_reading._idle)
    guarded_reading.start_reader()  # there is one already
    assert started.poll() is None and len(guarded_reading._idle) == count
    read_image_guarded(write_volume(tmp_path / "x.nii.gz", volume(), np.eye(4)))
    assert guarded_reading._idle[-1]._process is started


@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")
def test_a_crash_costs_the_file_that_was_read_and_no_other(tmp_path):
    path = write_volume(tmp_path / "x.nrrd", volume(), np.eye(4))
    read_image_guarded(path)
    pid = guarded_reading._idle[-1]._process.pid
    os.kill(pid, signal.SIGSTOP)  # so that it is in the middle of the next request when it dies
    death = threading.Timer(0.3, lambda: (os.kill(pid, signal.SIGSEGV), os.kill(pid, signal.SIGCONT)))
    death.start()
    error = refusal(path)
    death.join()
    assert error.code == "READER_CRASHED" and "SIGSEGV" in error.message and "x.nrrd" in error.message
    assert read_image_guarded(path).shape == (6, 20, 24)


def test_a_file_that_keeps_its_reader_busy_is_given_up(tmp_path, monkeypatch):
    path = write_volume(tmp_path / "x.nii", volume(), np.eye(4))
    header = bytearray(path.read_bytes()[:352])
    header[42:48] = np.array([30000, 30000, 100], "<i2").tobytes()
    millions = gzip.compress(bytes(1 << 20))
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bytes(header)) + millions * 100_000)  # 100 GB
    monkeypatch.setattr(guarded_reading, "_LEAST_SECONDS", 0.5)
    monkeypatch.setattr(guarded_reading, "_BYTES_A_SECOND", 1e12)
    assert refusal(tmp_path / "bomb.nii.gz").code == "READING_TIMED_OUT"


def test_a_forked_process_does_not_use_its_parents_readers(tmp_path):
    path = write_volume(tmp_path / "x.nrrd", volume(), np.eye(4))
    code = f"""
import os
from resformer_unet.image.guarded_reading import read_image_guarded, _idle
read_image_guarded({str(path)!r})
parents = _idle[0]
if (child := os.fork()) == 0:
    read_image_guarded({str(path)!r})
    os._exit(parents in _idle)
assert os.waitpid(child, 0)[1] == 0
assert read_image_guarded({str(path)!r}).shape == (6, 20, 24)
"""
    engine = Path(resformer_unet.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=engine, check=False).returncode == 0


def test_readers_end_with_the_process_that_started_them(tmp_path):
    path = write_volume(tmp_path / "x.nrrd", volume(), np.eye(4))
    code = f"""
import os, signal
from resformer_unet.image.guarded_reading import read_image_guarded, _idle
read_image_guarded({str(path)!r})
print(_idle[0]._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    engine = Path(resformer_unet.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], cwd=engine, check=False, stdout=subprocess.PIPE, text=True)
    # the pipe to `run` closes only when the reader has ended: it has inherited no other end of it, but is waited for
    for _ in range(100):
        try:
            os.kill(int(run.stdout), 0)
        except ProcessLookupError:
            return
        threading.Event().wait(0.05)
    state = Path(f"/proc/{int(run.stdout)}/stat").read_text().rpartition(")")[2].split()[0]
    assert state == "Z"
