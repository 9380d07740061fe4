"""A worker that several tests share, and models for it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    from helpers.tiny_model import save_tiny

    save_tiny(folder / "tiny")
    save_tiny(folder / "other", id="other", segments=("core", "rim"))
    return folder


@pytest.fixture(scope="module")
def shared_worker():
    from helpers.worker_talk import WorkerProcess

    process = WorkerProcess()
    yield process
    process.process.kill()


@pytest.fixture
def worker(shared_worker):
    assert shared_worker.process.poll() is None, shared_worker.log.decode()
    return shared_worker
