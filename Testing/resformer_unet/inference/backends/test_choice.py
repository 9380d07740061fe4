"""Two backends, the same predictions: PyTorch and ONNX Runtime, and which of them runs a model."""

from __future__ import annotations

import builtins
import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.paths import withHelpers
from helpers.synthetic_images import write_picture
from helpers.tiny_model import TINY_WIDTHS, save_tiny, tiny_descriptor, weights_that_segment
from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.reading import read_image
from resformer_unet.inference.backends import choice as engines
from resformer_unet.inference.backends import devices
from resformer_unet.inference.backends.choice import load_backend
from resformer_unet.inference.backends.devices import engine_versions
from resformer_unet.inference.backends.onnx_runtime import cpu_threads, import_onnxruntime
from resformer_unet.inference.out_of_distribution import OutOfDistributionDetector, mean_features
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle, load_bundle
from resformer_unet.model.saving import save_bundle
from resformer_unet.preprocessing.letterbox import Letterbox
from resformer_unet.training.finish.onnx_export import add_exported_graph

onnxruntime = import_onnxruntime()


def detecting(folder: Path, **changes) -> ModelBundle:
    """A model of random weights that segments about half of a noisy picture, with an out-of-distribution detector."""
    descriptor = tiny_descriptor(**changes)
    features = sum(TINY_WIDTHS)
    detector = OutOfDistributionDetector(
        np.zeros(features, np.float32), np.ones(features, np.float32), np.eye(3, features, dtype=np.float32), 1.0, 1.5
    )
    described = {**descriptor, "out_of_distribution": detector.described("nothing")}
    return add_exported_graph(
        save_bundle(folder, described, {**weights_that_segment(descriptor), **detector.tensors()}, "# Model\n")
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> ModelBundle:
    return detecting(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    return write_picture(tmp_path_factory.mktemp("images") / "noise.png", pixels)


def copied(bundle: ModelBundle, folder: Path) -> ModelBundle:
    return load_bundle(shutil.copytree(bundle.folder, folder / "copied"))


def without(monkeypatch, *packages: str) -> None:
    """As if these packages were not installed."""
    real, find = builtins.__import__, devices.importlib.util.find_spec

    def refuse(name, *arguments, **options):
        if name.partition(".")[0] in packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(
        devices.importlib.util, "find_spec", lambda name, *more: None if name in packages else find(name, *more)
    )


def refusal(bundle: ModelBundle, device: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        load_backend(bundle, device)
    return caught.value


def run_without_torch(bundle: ModelBundle, device: str, image: Path, *more: str) -> dict:
    command = [sys.executable, "-m", "helpers.no_torch", str(bundle.folder), device, str(image)]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=120, env=withHelpers())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_pytorch_masks_and_probabilities_are_the_same(bundle, picture):
    found = run_without_torch(bundle, "auto", picture)
    assert not found["torch"]
    expected = Predictor(bundle, "cpu:torch").predict(read_image(picture))
    assert expected.layers.any() and not expected.layers.all()
    assert found["masks"] == hashlib.sha256(expected.layers.tobytes()).hexdigest()
    report = found["report"]
    assert report["engine"].startswith("ONNX Runtime") and expected.report["engine"].startswith("PyTorch")
    assert report["device"] == expected.report["device"] == "cpu"
    for name, probability in expected.report["diagnosis"]["probabilities"].items():
        assert report["diagnosis"]["probabilities"][name] == pytest.approx(probability, abs=1e-4)
    assert report["segments"] == expected.report["segments"]
    warned = [
        "OUT_OF_DISTRIBUTION" in [row["code"] for row in found["warnings"]] for found in (report, expected.report)
    ]
    assert warned[0] == warned[1]


def test_without_pytorch_an_explanation_says_what_is_missing(bundle, picture):
    found = run_without_torch(bundle, "auto", picture, "explain")
    assert found["error"] == "PYTORCH_MISSING" and "Explaining a diagnosis needs PyTorch" in found["message"]


@pytest.mark.parametrize("device", ["cuda", "mps", "cpu:torch"])
def test_without_pytorch_its_devices_are_refused(monkeypatch, bundle, device):
    without(monkeypatch, "torch")
    error = refusal(bundle, device)
    assert error.code == "PYTORCH_MISSING" and "device cpu" in error.hint


def test_a_broken_pytorch_leaves_it_to_onnx_runtime(monkeypatch, bundle):
    def broken(name):
        raise OSError("libtorch_cuda.so: cannot open shared object file")

    monkeypatch.setattr(engines, "may_have_accelerator", lambda: True)
    monkeypatch.setattr(engines, "choose_device", broken)
    assert load_backend(bundle, "auto").name.startswith("ONNX Runtime")
    with pytest.raises(OSError):
        load_backend(bundle, "cuda")


def test_without_any_engine_both_are_offered(monkeypatch, bundle):
    without(monkeypatch, "torch", "onnxruntime")
    error = refusal(bundle, "auto")
    assert error.code == "ENGINE_MISSING" and "PyTorch" in error.hint and "ONNX Runtime" in error.hint


def test_what_explains_is_loaded_beside_what_predicts(bundle, picture):
    both = [Predictor(bundle, device).explain(read_image(picture)) for device in ("cpu:onnx", "cpu:torch")]
    assert both[0].diagnosis == both[1].diagnosis
    np.testing.assert_allclose(both[0].saliency, both[1].saliency, atol=1e-4)


@pytest.mark.parametrize(
    "tasks", [{"diagnoses": ()}, {"segments": ("core", "rim")}, {"segments": (), "diagnoses": ("a", "b", "c")}]
)
def test_the_backends_give_the_same_predictions_and_features(tmp_path, tasks):
    bundle = add_exported_graph(save_tiny(tmp_path / "tiny", **tasks))
    batch = np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float32)
    pool = partial(mean_features, letterbox=Letterbox.fit(20, 40, 1, 1, (32, 32)))
    backends = [load_backend(bundle, device) for device in ("cpu:onnx", "cpu:torch")]
    for transpose_tta in (False, True):
        found, expected = (backend.predict(batch, transpose_tta, pool) for backend in backends)
        for task in ("masks", "diagnosis", "features"):
            wanted = getattr(expected, task)
            if wanted is None:
                assert getattr(found, task) is None
            else:
                np.testing.assert_allclose(getattr(found, task), wanted, atol=1e-5, err_msg=task)


def test_features_are_returned_only_if_they_are_asked_for(bundle):
    batch = np.zeros((1, 1, 32, 32), np.float32)
    for device in ("cpu:onnx", "cpu:torch"):
        assert load_backend(bundle, device).predict(batch).features is None


def test_a_model_without_a_graph_runs_with_pytorch_alone(monkeypatch, tmp_path):
    bundle = save_tiny(tmp_path / "tiny")
    assert load_backend(bundle, "cpu").name.startswith("PyTorch")
    error = refusal(bundle, "cpu:onnx")
    assert error.code == "MODEL_GRAPH_MISSING" and f"resformer-unet export {bundle.folder}" in error.hint
    without(monkeypatch, "torch")
    assert refusal(bundle, "cpu").code == "MODEL_GRAPH_MISSING"


def test_importing_onnx_runtime_leaves_no_file_in_a_new_home(tmp_path):
    """Its telemetry would write a device id there."""
    program = "from resformer_unet.inference.backends.onnx_runtime import import_onnxruntime as load; load()"
    kept = {name: value for name, value in withHelpers().items() if name != "ORT_DISABLE_TELEMETRY"}
    home = {name: str(tmp_path) for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    subprocess.run([sys.executable, "-c", program], check=True, env={**kept, **home})
    assert list(tmp_path.iterdir()) == []


def test_exclusive_segments_have_the_same_probabilities(tmp_path):
    descriptor = tiny_descriptor(segments=("core", "rim"))
    descriptor["segmentation"]["exclusive"] = descriptor["network"]["exclusive"] = True
    bundle = save_bundle(tmp_path / "tiny", descriptor, weights_that_segment(descriptor), "# Model\n")
    bundle = add_exported_graph(bundle)
    batch = np.random.default_rng(0).normal(size=(2, 1, 32, 32)).astype(np.float32)
    found, expected = (load_backend(bundle, device).predict(batch).masks for device in ("cpu:onnx", "cpu:torch"))
    assert found.shape == (2, 3, 32, 32)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("device", ["auto", "cpu", "cpu:onnx"])
def test_on_the_cpu_onnx_runtime_comes_first(monkeypatch, bundle, device):
    monkeypatch.setattr(engines, "may_have_accelerator", lambda: False)
    assert load_backend(bundle, device).name.startswith("ONNX Runtime")


def test_a_graphics_card_comes_before_the_cpu(monkeypatch, bundle):
    monkeypatch.setattr(engines, "may_have_accelerator", lambda: True)
    monkeypatch.setattr(engines, "choose_device", lambda name: torch.device("meta"))  # stands for a card
    assert load_backend(bundle, "auto").name.startswith("PyTorch")


def test_a_graphics_card_that_cannot_compute_leaves_it_to_the_cpu(monkeypatch, bundle):
    monkeypatch.setattr(engines, "may_have_accelerator", lambda: True)
    monkeypatch.setattr(engines, "choose_device", lambda name: torch.device("cpu"))
    assert load_backend(bundle, "auto").name.startswith("ONNX Runtime")


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_without_onnx_runtime_pytorch_runs_on_the_cpu(monkeypatch, bundle, device):
    without(monkeypatch, "onnxruntime")
    engine = load_backend(bundle, device)
    assert engine.name.startswith("PyTorch") and engine.description == "cpu"
    error = refusal(bundle, "cpu:onnx")
    assert error.code == "ONNX_RUNTIME_MISSING" and "pip install onnxruntime" in error.hint


@pytest.mark.parametrize("device", ["cpu:onnx", "cpu:torch"])
def test_weights_that_were_changed_are_refused_by_either_backend(tmp_path, bundle, device):
    bundle = copied(bundle, tmp_path)
    weights = bundle.folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert refusal(bundle, device).code == "MODEL_WEIGHTS_TAMPERED"


def test_weights_of_another_network_are_refused_by_pytorch(tmp_path):
    bundle = save_tiny(tmp_path / "tiny")
    path = bundle.folder / "model.json"
    descriptor = json.loads(path.read_text())
    descriptor["network"]["mlp_ratio"] = 2
    path.write_text(json.dumps(descriptor))
    error = refusal(load_bundle(bundle.folder), "cpu:torch")
    assert error.code == "MODEL_WEIGHTS_MISMATCH" and "mlp.0" in error.message


@pytest.mark.parametrize("device", ["cpu:onnx", "cpu:torch"])
def test_an_impossible_network_is_refused_by_either_backend(tmp_path, bundle, device):
    bundle = load_bundle(copied(bundle, tmp_path).folder)
    bundle.descriptor["network"]["heads"] = [0, 5]
    assert refusal(bundle, device).code == "MODEL_DESCRIPTOR_INVALID"


@pytest.mark.parametrize("device", ["cpu:onnx", "cpu:torch"])
def test_an_output_that_is_not_finite_is_an_error_of_either_backend(bundle, device):
    with pytest.raises(EngineError) as caught:
        load_backend(bundle, device).predict(np.full((1, 1, 32, 32), np.inf, np.float32))
    assert caught.value.code == "NETWORK_NOT_FINITE"


def test_when_onnx_runtime_has_no_memory_the_batch_is_halved(monkeypatch, bundle, picture):
    predictor = Predictor(bundle, "cpu:onnx")
    session, tried = predictor.runner.backend._session, []

    class Forgetful:
        def run(self, names, inputs):
            tried.append(len(inputs["image"]))
            if tried[-1] > 1:
                raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory")
            return session.run(names, inputs)

    monkeypatch.setattr(predictor.runner.backend, "_session", Forgetful())
    volume = np.stack([read_image(picture).voxels[0, ..., 0]] * 4)
    report = predictor.predict(image_from_array(volume, np.eye(4), "head")).report
    assert tried == [4, 2, 1, 1, 1, 1]
    assert [row["code"] for row in report["warnings"]].count("BATCH_HALVED") == 2


@pytest.mark.parametrize(
    ("told", "threads"),
    [("3", 3), ("2,1", 2), ("", None), ("many", None), ("0", None), ("64", 4), ("1000", 4), ("9" * 5000, 4)],
    ids=lambda value: str(value)[:5],
)
def test_the_number_of_threads_is_the_users_up_to_that_of_the_processors(monkeypatch, told, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)), raising=False)
    assert cpu_threads() == (torch.get_num_threads() if threads is None else threads)
    if threads is None:
        monkeypatch.delitem(sys.modules, "torch")
        monkeypatch.setattr(os, "cpu_count", lambda: 8)
        assert cpu_threads() == 4
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
        assert cpu_threads() == 0


def test_pytorch_uses_no_more_threads_than_there_are_processors(monkeypatch, bundle):
    before = torch.get_num_threads()
    torch.set_num_threads(64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    try:
        load_backend(bundle, "cpu:torch")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["CPU", "tpu", "cuda:x", "cuda:99999999999999999999", "", "gpu " * 1000, 5, None])
def test_a_device_that_does_not_exist_is_named_whatever_is_installed(monkeypatch, bundle, name):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError) as caught:
        load_backend(bundle, name)
    assert caught.value.code == "DEVICE_UNKNOWN" and "cuda:1" in caught.value.hint
    assert len(caught.value.message) < 150 and str(name)[:50] in caught.value.message


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("raise ImportError", "cannot be loaded: ImportError, perhaps one does not fit the other"),
        ("raise ImportError from AttributeError('_ARRAY_API not found')", "cannot be loaded: _ARRAY_API not found."),
        ("raise OSError('libgomp.so.1: no such file')", "cannot be loaded: libgomp.so.1: no such file."),
        ("import a_part_that_is_not_there", "No module named 'a_part_that_is_not_there'."),
    ],
)
def test_an_onnx_runtime_that_cannot_be_loaded_says_why(monkeypatch, tmp_path, bundle, failure, words):
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text(failure, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(EngineError) as caught:
        load_backend(bundle, "cpu:onnx")
    assert caught.value.code == "ONNX_RUNTIME_MISSING" and words in caught.value.message
    assert f"with NumPy {np.__version__}" in caught.value.message and "--upgrade" in caught.value.hint


def test_the_network_can_be_exported_for_other_programs(bundle, tmp_path, capsys):
    file = tmp_path / "network.onnx"
    assert main(["export", str(bundle.folder), "--output", str(file)]) == 0
    assert "(slices, 1, 32, 32)" in capsys.readouterr().out
    batch = np.random.default_rng(0).normal(size=(2, 1, 32, 32)).astype(np.float32)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (diagnosis,) = session.run(["diagnosis"], {"image": batch})
    np.testing.assert_allclose(diagnosis, load_backend(bundle, "cpu:torch").predict(batch).diagnosis, atol=1e-5)
    assert list(tmp_path.iterdir()) == [file]


def test_the_export_command_adds_the_graph_to_a_model(tmp_path):
    bundle = save_tiny(tmp_path / "tiny")
    weights = (bundle.folder / "weights.safetensors").read_bytes()
    assert main(["export", str(bundle.folder)]) == 0
    written = load_bundle(bundle.folder)
    assert (bundle.folder / "weights.safetensors").read_bytes() == weights
    assert {**written.descriptor, "network_onnx": None} == {**bundle.descriptor, "network_onnx": None}
    batch = np.random.default_rng(0).normal(size=(2, 1, 32, 32)).astype(np.float32)
    found, expected = (load_backend(written, device).predict(batch) for device in ("cpu:onnx", "cpu:torch"))
    np.testing.assert_allclose(found.masks, expected.masks, atol=1e-5)


def test_versions_are_told_without_loading_anything():
    assert engine_versions() == {"ONNX Runtime": onnxruntime.__version__, "PyTorch": torch.__version__}
