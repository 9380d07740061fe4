"""Prediction on a cluster: workers that die, workers that are unfit, a missing scheduler."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.paths import TESTING
from helpers.synthetic_images import oblique_affine, write_volume
from helpers.tiny_model import save_tiny
from resformer_unet.batch.case_files import kept_report
from resformer_unet.batch.cases import plan_cases
from resformer_unet.batch.cluster import worker as cluster_worker
from resformer_unet.batch.cluster.client import predict_files_on_cluster
from resformer_unet.batch.cluster.job import ClusterJob
from resformer_unet.batch.cluster.worker import predict_on_worker, unfit_reason
from resformer_unet.batch.run import predict_files
from resformer_unet.cli.main import main
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.model.bundle import load_bundle


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny").folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two workers, each a process of its own, that are started again when they die."""
    dask = pytest.importorskip("dask", reason="the extra “cluster” is not installed")
    distributed = pytest.importorskip("distributed", reason="the extra “cluster” is not installed")
    if sys.platform == "win32":
        pytest.skip("processes are killed as on POSIX")
    with dask.config.set(method := {"distributed.worker.multiprocessing-method": "forkserver"}):
        context = distributed.utils.get_mp_context()
    once_for_all = [
        "distributed",
        "onnxruntime",
        "resformer_unet.batch.cluster.worker",
        "resformer_unet.inference.backends.onnx_runtime",
    ]
    context.set_forkserver_preload(once_for_all)
    deadly = str(TESTING / "helpers" / "deadly_images.py")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1, **method}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=":0",
            preload=[deadly],
            local_directory=tmp_path_factory.mktemp("dask"),
            silence_logs=50,
        ) as two_workers,
    ):
        yield two_workers.scheduler_address


def write_images(folder: Path, *names: str) -> list[Path]:
    folder.mkdir()
    random = np.random.default_rng(0)
    return [
        write_volume(folder / f"{name}.nrrd", random.integers(0, 255, (4, 24, 28), np.int16), oblique_affine())
        for name in names
    ]


def predict(inputs: Path, model: Path, output: Path, *more: str) -> int:
    return main(["predict", str(inputs), "--model", str(model), "--output", str(output), "--device", "cpu", *more])


def rows(output: Path) -> dict[str, dict[str, str]]:
    with (output / "summary.csv").open(encoding="utf-8", newline="") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def report(output: Path, name: str) -> dict:
    return {**json.loads((output / f"{name}.json").read_text("utf-8")), "timing_s": None}


def test_nothing_is_lost_or_done_half_when_a_worker_is_killed_in_the_middle(
    cluster, model, tmp_path, monkeypatch, capsys
):
    names = ["a", "b", "c", "once", "p", "q", "r", "s"]
    inputs = write_images(tmp_path / "in", *names)
    monkeypatch.chdir(tmp_path)  # where the workers are not
    assert predict(Path("in"), model, Path("out"), "--cluster", cluster) == 0
    assert (tmp_path / "once.died").exists()
    printed = capsys.readouterr()
    assert sorted(line.partition(":")[0] for line in printed.out.splitlines()) == names
    assert "cases: 8 of 8" in printed.err
    files = {f"{name}{suffix}" for name in names for suffix in (".json", ".seg.nrrd")} | {"summary.csv"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == files
    assert list(rows(tmp_path / "out")) == names and {row["status"] for row in rows(tmp_path / "out").values()} == {
        "done"
    }
    bundle = load_bundle(model)
    for case in plan_cases(inputs, tmp_path / "out"):
        assert kept_report(case, tmp_path / "out", bundle, None)
    assert predict(tmp_path / "in", model, tmp_path / "here") == 0
    for name in names:
        assert report(tmp_path / "out", name) == report(tmp_path / "here", name)


def test_an_image_that_kills_its_workers_is_given_up_and_takes_no_other_with_it(cluster, model, tmp_path, capsys):
    write_images(tmp_path / "in", "a", "deadly", "z")
    assert predict(tmp_path / "in", model, tmp_path / "out", "--cluster", cluster) == 1
    assert "died while it worked on “deadly.nrrd”" in capsys.readouterr().err
    files = {"a.json", "a.seg.nrrd", "z.json", "z.seg.nrrd", "summary.csv"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == files
    failed = rows(tmp_path / "out")["deadly"]
    assert (failed["status"], failed["error"]) == ("failed", "WORKERS_DIED")


def test_a_caller_that_stops_leaves_no_mark_behind(cluster, model, tmp_path):
    inputs = write_images(tmp_path / "in", *"abcdef")
    outcomes = predict_files_on_cluster(cluster, inputs, str(model), tmp_path / "out")
    assert not isinstance(next(outcomes).result, EngineError)
    outcomes.close()
    assert not list((tmp_path / "out").glob(".*.job"))


def test_a_cluster_of_another_version_is_refused_before_any_work(cluster, model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("resformer_unet.batch.cluster.client.__version__", "0.0.0")
    write_images(tmp_path / "in", "a")
    assert predict(tmp_path / "in", model, tmp_path / "out", "--cluster", cluster) == 1
    assert "Install the same version on every machine." in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_the_mark_of_another_job_in_the_same_folder_stays(cluster, model, tmp_path):
    inputs = write_images(tmp_path / "in", "a")
    (tmp_path / "out").mkdir()
    mark = tmp_path / "out" / f".{'0' * 32}.job"
    mark.touch()
    assert predict(inputs[0], model, tmp_path / "out", "--cluster", cluster) == 0
    assert predict(inputs[0], model, tmp_path / "out", "--cluster", cluster, "--resume") == 0
    assert [path.name for path in (tmp_path / "out").glob(".*")] == [mark.name]


OF_ANOTHER_VERSION = "from resformer_unet.batch.cluster import worker\nworker.__version__ = '0.0.0'"
WITHOUT_THE_PACKAGE = "import sys\nsys.modules['resformer_unet.batch.cluster.tasks'] = None"


@pytest.mark.parametrize("preload", [OF_ANOTHER_VERSION, WITHOUT_THE_PACKAGE], ids=["version", "missing"])
def test_a_worker_that_joins_late_and_is_unfit_takes_no_case_from_the_others(
    cluster, model, tmp_path, monkeypatch, preload
):
    monkeypatch.setattr("resformer_unet.batch.cluster.client._require_fit_workers", lambda *_: None)  # it comes later
    (tmp_path / "preload.py").write_text(preload)
    inputs = write_images(tmp_path / "in", *"abcdefgh")
    with joined(cluster, tmp_path, "--preload", str(tmp_path / "preload.py")):
        outcomes = list(predict_files_on_cluster(cluster, inputs, str(model), tmp_path / "out"))
    assert sorted(outcome.case for outcome in outcomes) == [*"abcdefgh"]
    assert [outcome.result for outcome in outcomes if isinstance(outcome.result, EngineError)] == []


@contextmanager
def joined(cluster: str, folder: Path, *options: str) -> Iterator[None]:
    """A third worker with several threads, so that it is given many cases."""
    from distributed import Client

    command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster, "--no-nanny", "--nthreads", "4"]
    command += ["--local-directory", str(folder / "dask"), "--no-dashboard", *options]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            with Client(cluster, set_as_default=False) as client:
                client.wait_for_workers(3, timeout=300)
            yield
        finally:
            process.terminate()


def test_a_scheduler_without_workers_is_reported(cluster, model, tmp_path, monkeypatch, capsys):
    client = pytest.importorskip("distributed").Client
    wait = client.wait_for_workers
    monkeypatch.setattr(client, "wait_for_workers", lambda self, _, timeout: wait(self, 99, timeout=0.3))
    write_images(tmp_path / "in", "a")
    assert predict(tmp_path / "in", model, tmp_path / "out", "--cluster", cluster) == 1
    assert "has no workers. Start one on each machine with: dask worker" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_job_on_a_cluster_is_resumed_without_what_is_done(cluster, model, tmp_path, capsys):
    inputs = write_images(tmp_path / "in", "a", "b")
    assert predict(inputs[0], model, tmp_path / "out") == 0
    for kept in (1, 2):
        assert predict(tmp_path / "in", model, tmp_path / "out", "--resume", "--cluster", cluster) == 0
        assert f"{kept} of 2 results existed already" in capsys.readouterr().err


def test_progress_counts_the_cases_up_to_all(cluster, model, tmp_path):
    inputs, calls = write_images(tmp_path / "in", *"abc"), []
    outcomes = predict_files_on_cluster(
        cluster, inputs, str(model), tmp_path / "out", progress=lambda *counts: calls.append(counts)
    )
    assert len(list(outcomes)) == 3 and calls == [("cases", 1, 3), ("cases", 2, 3), ("cases", 3, 3)]


@pytest.mark.parametrize("names", ["", "ab"], ids=["no input", "all inputs done"])
def test_without_a_case_to_predict_no_scheduler_is_needed(model, tmp_path, names):
    inputs, out = write_images(tmp_path / "in", *names), tmp_path / "out"
    list(predict_files(inputs, str(model), out, device="cpu"))
    outcomes = list(predict_files_on_cluster("tcp://127.0.0.1:1", inputs, str(model), out, resume=True))
    assert [(outcome.case, outcome.kept) for outcome in outcomes] == [(name, True) for name in names]


def test_without_the_extra_the_error_says_how_to_get_it(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    write_images(tmp_path / "in", "a")
    assert predict(tmp_path / "in", model, tmp_path / "out", "--cluster", "tcp://localhost:1") == 1
    assert "pip install 'resformer-unet[cluster]'" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "no address", "udp://127.0.0.1:1"])
def test_an_address_where_no_scheduler_responds_is_reported(model, tmp_path, monkeypatch, capsys, address):
    pytest.importorskip("distributed", reason="the extra “cluster” is not installed")
    monkeypatch.setattr("resformer_unet.batch.cluster.client.CONNECTING_S", 0.5)
    write_images(tmp_path / "in", "a")
    assert predict(tmp_path / "in", model, tmp_path / "out", "--cluster", address) == 1
    assert f"No Dask scheduler responds at {address}" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def job(model, tmp_path) -> ClusterJob:
    """A job that runs, as its workers see it."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mark").touch()
    bundle = load_bundle(model)
    sha256 = bundle.descriptor["weights"]["sha256"]
    return ClusterJob(tmp_path / "out", "mark", model, bundle.id, sha256, cluster_worker.__version__, "cpu", None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": "0.0.0"}, "MACHINE_DIFFERS"),
        ({"sha256": "0" * 64}, "MACHINE_DIFFERS"),
        ({"model": Path("elsewhere"), "id": "absent"}, "MODEL_NOT_FOUND"),
        ({"mark": "of another folder"}, "FOLDER_NOT_SHARED"),
        ({"output": Path("elsewhere")}, "FOLDER_NOT_SHARED"),
        ({"device": "tpu"}, "DEVICE_UNKNOWN"),
    ],
)
def test_a_machine_that_would_not_do_the_same_work_says_why(job, changes, code):
    assert unfit_reason(job) is None
    assert unfit_reason(replace(job, **changes)).code == code


def test_a_worker_loads_a_model_once_and_has_two_images_in_memory_at_most(job, tmp_path, monkeypatch):
    loaded, most = [], []
    predictor, read, predict_case = cluster_worker.Predictor, cluster_worker.read_case, cluster_worker.predict_case
    lock, alive = threading.Lock(), [0]

    def counted_read(case):
        with lock:
            alive[0] += 1
            most.append(alive[0])
        return read(case)

    def counted_predict_case(*arguments, **options):
        outcome = predict_case(*arguments, **options)
        with lock:
            alive[0] -= 1
        return outcome

    monkeypatch.setattr(cluster_worker, "_predictors", {})
    monkeypatch.setattr(cluster_worker, "Predictor", lambda *given: loaded.append(given) or predictor(*given))
    monkeypatch.setattr(cluster_worker, "read_case", counted_read)
    monkeypatch.setattr(cluster_worker, "predict_case", counted_predict_case)
    cases = plan_cases(write_images(tmp_path / "in", *"abcdefgh"), job.output)
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda case: predict_on_worker(case, job), cases))
    assert [outcome.result["case"] for outcome in outcomes] == [*"abcdefgh"]
    assert len(loaded) == 1 and max(most) <= 2


def test_work_for_a_job_that_has_ended_writes_nothing(job, tmp_path, monkeypatch):
    (case,) = plan_cases(write_images(tmp_path / "in", "a"), job.output)
    read = cluster_worker.read_case

    def ends_meanwhile(case):
        (job.output / job.mark).unlink()
        return read(case)

    monkeypatch.setattr(cluster_worker, "read_case", ends_meanwhile)
    for _ in range(2):  # while it is at work; before it begins
        with pytest.raises(Cancelled):
            predict_on_worker(case, job)
    assert list(job.output.iterdir()) == []


def test_what_is_wrong_with_an_image_comes_back_from_the_worker_as_it_is(job, tmp_path):
    (tmp_path / "notes.png").write_text("no image")
    for path, code in ((tmp_path / "notes.png", "NOT_AN_IMAGE"), (tmp_path / "absent.png", "FILE_NOT_FOUND")):
        (case,) = plan_cases([path], job.output)
        outcome = predict_on_worker(case, job)
        assert outcome.result.code == code and outcome.case == path.stem
