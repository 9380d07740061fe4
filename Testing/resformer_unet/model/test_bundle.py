"""Model bundles: what is written is what is read, and whatever is wrong is refused with a sentence."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers.tiny_model import save_tiny, tiny_descriptor, tiny_weights
from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import load_bundle, read_verified
from resformer_unet.model.saving import add_graph, save_bundle
from resformer_unet.model.weights import load_network, load_weights

SEGMENT = tiny_descriptor()["segmentation"]["segments"][0]
CLASS = tiny_descriptor()["diagnosis"]["classes"][0]


@pytest.fixture
def bundle(tmp_path):
    return save_tiny(tmp_path / "tiny")


def edit_descriptor(bundle, **changes) -> None:
    path = bundle.folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def replace_weights(bundle, content: bytes) -> None:
    """Puts other weights in the bundle and describes them truthfully, as an attacker would."""
    (bundle.folder / "weights.safetensors").write_bytes(content)
    described = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    edit_descriptor(bundle, weights={**bundle.descriptor["weights"], **described})


def refused(code: str, call, *arguments) -> str:
    with pytest.raises(EngineError) as caught:
        call(*arguments)
    assert caught.value.code == code
    assert caught.value.hint
    return str(caught.value)


def test_a_saved_bundle_gives_the_same_network_back(bundle):
    weights = tiny_weights(bundle.descriptor)
    network = load_network(load_bundle(bundle.folder))
    assert not network.training
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == weights[name].dtype
        assert torch.allclose(tensor, weights[name], atol=2e-3), name
    assert sorted(path.name for path in bundle.folder.iterdir()) == ["README.md", "model.json", "weights.safetensors"]


def test_a_bundle_tells_its_id_segments_and_diagnoses(bundle):
    assert (bundle.id, bundle.title, bundle.channels) == ("tiny", "Tiny model", 1)
    assert [segment["id"] for segment in bundle.segments] == ["lesion"]
    assert [diagnosis["id"] for diagnosis in bundle.diagnoses] == ["benign", "malignant"]


@pytest.mark.parametrize(("segments", "diagnoses"), [((), ("a", "b")), (("lesion",), ())])
def test_a_model_with_one_task_has_no_rows_for_the_other(tmp_path, segments, diagnoses):
    bundle = save_tiny(tmp_path / "one-task", segments=segments, diagnoses=diagnoses)
    assert len(bundle.segments) == len(segments)
    assert len(bundle.diagnoses) == len(diagnoses)


def test_weights_are_stored_in_half_precision(bundle):
    parameters = sum(tensor.numel() for tensor in tiny_weights(bundle.descriptor).values())
    tensors = load_weights(bundle)
    assert (bundle.folder / "weights.safetensors").stat().st_size < 2 * parameters + 150 * len(tensors)
    assert all(tensor.dtype == torch.float32 for tensor in tensors.values() if tensor.is_floating_point())


def test_a_folder_with_a_non_ascii_name_works(tmp_path):
    bundle = save_tiny(tmp_path / "Modèle – 模型 ü")
    assert load_network(load_bundle(bundle.folder))


def test_the_model_card_keeps_its_characters(tmp_path):
    descriptor = tiny_descriptor(title="Läsion")
    save_bundle(tmp_path / "m", descriptor, tiny_weights(descriptor), "# Läsion ≤ 5 mm\n")
    assert (tmp_path / "m" / "README.md").read_text("utf-8") == "# Läsion ≤ 5 mm\n"
    assert "Läsion" in (tmp_path / "m" / "model.json").read_text("utf-8")


def test_a_missing_folder_is_not_a_model(tmp_path):
    assert "nowhere" in refused("MODEL_NOT_FOUND", load_bundle, tmp_path / "nowhere")


def test_an_empty_folder_is_not_a_model(tmp_path):
    assert "model.json" in refused("MODEL_NOT_FOUND", load_bundle, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"schema_version": NaN}', "[" * 100_000, "1e999"])
def test_a_descriptor_that_is_no_description_is_refused(bundle, text):
    (bundle.folder / "model.json").write_text(text, "utf-8")
    refused("MODEL_DESCRIPTOR_INVALID", load_bundle, bundle.folder)


def test_a_descriptor_in_another_encoding_is_refused(bundle):
    (bundle.folder / "model.json").write_bytes('{"id": "läsion"}'.encode("latin-1"))
    refused("MODEL_DESCRIPTOR_INVALID", load_bundle, bundle.folder)


def test_unknown_keys_are_refused_by_name(bundle):
    edit_descriptor(bundle, colour="red")
    assert "'colour'" in refused("MODEL_DESCRIPTOR_INVALID", load_bundle, bundle.folder)


def test_a_model_of_a_newer_format_asks_for_an_update(bundle):
    edit_descriptor(bundle, schema_version=2, something_new=True)
    assert "Update" in refused("MODEL_TOO_NEW", load_bundle, bundle.folder)


def contradiction(part: str, **changes) -> dict:
    descriptor = tiny_descriptor()
    return {part: {**descriptor[part], **changes}}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (contradiction("network", in_channels=3), "network.in_channels is 3"),
        (contradiction("network", segments=2), "network.segments is 2"),
        (contradiction("network", diagnoses=5), "network.diagnoses is 5"),
        (contradiction("network", exclusive=True), "network.exclusive"),
        (contradiction("segmentation", segments=[SEGMENT, SEGMENT]), "segmentation.segments repeats the same id"),
        (contradiction("segmentation", segments=[SEGMENT, {**SEGMENT, "id": "rim"}]), "repeats the same value"),
        (contradiction("diagnosis", classes=[CLASS, CLASS]), "diagnosis.classes repeats the same id"),
        ({"segmentation": None, "diagnosis": None}, "at least one task"),
        (
            contradiction(
                "input", size=[32, 64], orientation={"volume": "stored", "picture": "stored", "transpose_tta": True}
            ),
            "transpose_tta needs",
        ),
    ],
)
def test_a_descriptor_that_contradicts_itself_is_refused(bundle, changes, named):
    edit_descriptor(bundle, **changes)
    assert named in refused("MODEL_DESCRIPTOR_INVALID", load_bundle, bundle.folder)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"mean": [0, 0, 0]}, "input.intensity.mean"),
        ({"lower": 255, "upper": 0}, "input.intensity.lower must be below"),
        ({"method": "percentile", "lower": 1, "upper": 99}, "input.intensity.scope is missing"),
        ({"method": "percentile", "lower": 1, "upper": 255, "scope": "slice"}, "from 0 to 100"),
    ],
)
def test_an_impossible_intensity_scaling_is_refused(bundle, changes, named):
    given = bundle.descriptor["input"]
    edit_descriptor(bundle, input={**given, "intensity": {**given["intensity"], **changes}})
    assert named in refused("MODEL_DESCRIPTOR_INVALID", load_bundle, bundle.folder)


@pytest.mark.parametrize("change", [{"heads": [1, 3]}, {"no_such_field": 1}, {"levels": [[4], [8]]}, {"levels": 3}])
def test_an_impossible_network_is_refused(bundle, change):
    edit_descriptor(bundle, network={**bundle.descriptor["network"], **change})
    assert "network:" in refused("MODEL_DESCRIPTOR_INVALID", load_network, load_bundle(bundle.folder))


def test_a_network_larger_than_any_memory_is_refused_without_being_made(bundle):
    edit_descriptor(bundle, network={**bundle.descriptor["network"], "stem": 10**12})
    assert "1000000000000" in refused("MODEL_WEIGHTS_MISMATCH", load_network, load_bundle(bundle.folder))


def test_missing_weights_are_told(bundle):
    (bundle.folder / "weights.safetensors").unlink()
    refused("MODEL_WEIGHTS_MISSING", load_bundle, bundle.folder)


def test_truncated_weights_are_refused(bundle):
    path = bundle.folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "bytes" in refused("MODEL_WEIGHTS_TAMPERED", load_bundle, bundle.folder)


def test_weights_with_one_changed_byte_are_refused(bundle):
    path = bundle.folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "SHA-256" in refused("MODEL_WEIGHTS_TAMPERED", load_bundle, bundle.folder)


def test_weights_changed_after_the_check_are_refused_too(bundle):
    checked = load_bundle(bundle.folder)
    content = (bundle.folder / "weights.safetensors").read_bytes()
    (bundle.folder / "weights.safetensors").write_bytes(content[::-1])
    refused("MODEL_WEIGHTS_TAMPERED", load_weights, checked)


class Payload:
    """Unpickling this runs code."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_a_pickle_renamed_to_safetensors_is_refused_and_never_run(bundle, tmp_path):
    trace, pickled = tmp_path / "it-ran", tmp_path / "weights.pt"
    torch.save({"weights": Payload(trace)}, pickled)
    replace_weights(bundle, pickled.read_bytes())
    assert "safetensors" in refused("MODEL_WEIGHTS_NOT_SAFETENSORS", load_weights, load_bundle(bundle.folder))
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"x", b"\xff" * 64, b"\x02" + b"\0" * 7 + b"{}", b"PK\x03\x04" * 20])
def test_weights_that_are_noise_are_refused(bundle, content):
    replace_weights(bundle, content)
    with pytest.raises(EngineError) as caught:
        load_network(load_bundle(bundle.folder))
    assert caught.value.code in ("MODEL_WEIGHTS_NOT_SAFETENSORS", "MODEL_WEIGHTS_MISMATCH")


def test_wrong_tensor_names_and_shapes_are_named(bundle):
    import safetensors.torch

    weights = load_weights(bundle)
    renamed, reshaped = sorted(name for name in weights if name.endswith(".weight"))[:2]
    weights["a.stranger"] = weights.pop(renamed)
    weights[reshaped] = torch.zeros(7)
    replace_weights(bundle, safetensors.torch.save(weights))
    message = refused("MODEL_WEIGHTS_MISMATCH", load_network, load_bundle(bundle.folder))
    assert "a.stranger is not part of the network" in message
    assert f"{renamed} is missing" in message
    assert f"{reshaped} has shape [7] instead of" in message


def test_numbers_of_a_wrong_kind_are_named(bundle):
    import safetensors.torch

    weights = load_weights(bundle)
    changed = next(name for name in weights if name.endswith(".weight"))
    weights[changed] = weights[changed].long()
    replace_weights(bundle, safetensors.torch.save(weights))
    message = refused("MODEL_WEIGHTS_MISMATCH", load_network, load_bundle(bundle.folder))
    assert f"{changed} holds torch.int64 instead of torch.float32" in message


def test_weights_of_another_network_are_not_saved(tmp_path):
    descriptor = tiny_descriptor()
    weights = tiny_weights(descriptor)
    weights.popitem()
    refused("MODEL_WEIGHTS_MISMATCH", save_bundle, tmp_path / "m", descriptor, weights, "card")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_weights_beyond_half_precision_are_not_saved(tmp_path, value):
    descriptor = tiny_descriptor()
    weights = tiny_weights(descriptor)
    next(iter(weights.values())).view(-1)[0] = value
    refused("MODEL_WEIGHTS_OUT_OF_RANGE", save_bundle, tmp_path / "m", descriptor, weights, "card")
    assert list(tmp_path.iterdir()) == []


def test_an_invalid_descriptor_is_not_saved(tmp_path):
    descriptor = tiny_descriptor(limits=[])
    message = refused("MODEL_DESCRIPTOR_INVALID", save_bundle, tmp_path / "m", descriptor, tiny_weights(descriptor), "")
    assert "limits" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
@pytest.mark.parametrize("failing", ["weights.safetensors", "README.md", "model.json", "bundle"])
def test_a_failure_while_saving_leaves_nothing(tmp_path, monkeypatch, failing, error):
    method = "rename" if failing == "bundle" else "write_bytes"  # the files' folder is renamed at last
    function = getattr(Path, method)

    def fail(path, *arguments):
        if path.name == failing:
            raise OSError(error, os.strerror(error))
        return function(path, *arguments)

    descriptor = tiny_descriptor()
    monkeypatch.setattr(Path, method, fail)
    code = "OUTPUT_NOT_WRITABLE" if error == errno.EACCES else "DISK_FULL"
    refused(code, save_bundle, tmp_path / "m", descriptor, tiny_weights(descriptor), "card")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing_call", [1, 2, 3, 4])
def test_a_failure_while_replacing_a_model_keeps_the_old_one(bundle, monkeypatch, failing_call):
    calls, replace = [], os.replace

    def fail_once(source, target):
        calls.append(source)
        if len(calls) == failing_call:
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_once)
    refused("OUTPUT_NOT_WRITABLE", lambda: save_tiny(bundle.folder, version="2.0.0"))
    monkeypatch.undo()
    assert load_bundle(bundle.folder).descriptor["version"] == "1.0.0"
    assert [path.name for path in bundle.folder.parent.iterdir()] == ["tiny"]


class Killed(BaseException):
    """The end of the process."""


@pytest.fixture
def kill_at(monkeypatch):
    """Ends a call at its given move of a file; the disk stays as it is from then on. Returns whether it came so far."""

    def calling(number: int, call) -> bool:
        moves, replace = [], os.replace

        def killed(source, target) -> None:
            moves.append(target)
            if len(moves) == number:
                for module, name in ((os, "replace"), (os, "unlink"), (os, "rmdir"), (shutil, "rmtree")):
                    monkeypatch.setattr(module, name, lambda *_, **__: None)
                raise Killed
            replace(source, target)

        monkeypatch.setattr(os, "replace", killed)
        try:
            call()
            return False
        except Killed:
            return True
        finally:
            monkeypatch.undo()

    return calling


@pytest.mark.parametrize("number", range(1, 7))
def test_a_kill_while_a_model_is_replaced_leaves_the_old_or_the_new_one(bundle, kill_at, number):
    def saving(version: str):
        descriptor = tiny_descriptor(version=version)
        weights = tiny_weights(descriptor)
        next(iter(weights.values())).view(-1)[0] = float(version[0])
        return save_bundle(bundle.folder, descriptor, weights, f"Card of {version}\n")

    saving("1.0.0")
    assert kill_at(number, lambda: saving("2.0.0")) == (number < 6)  # five files or folders are moved
    version = load_bundle(bundle.folder).descriptor["version"]
    assert version == ("1.0.0" if number < 4 else "2.0.0")
    assert load_network(load_bundle(bundle.folder))
    assert (bundle.folder / "README.md").read_text("utf-8") == f"Card of {version}\n"
    assert saving("3.0.0").descriptor["version"] == "3.0.0"
    assert sorted(path.name for path in bundle.folder.iterdir()) == ["README.md", "model.json", "weights.safetensors"]
    assert [path.name for path in bundle.folder.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize("number", range(1, 4))
def test_a_kill_while_a_graph_is_replaced_leaves_a_model_without_a_graph_or_with_one_that_fits(
    bundle, kill_at, number, monkeypatch
):
    monkeypatch.setattr("resformer_unet.model.saving.check_graph", lambda *_: None)
    add_graph(bundle, b"an older graph", 18)
    before = load_bundle(bundle.folder)
    assert kill_at(number, lambda: add_graph(before, b"the new graph", 18))
    descriptor = load_bundle(bundle.folder).descriptor
    assert ("network_onnx" in descriptor) == (number == 1)
    if number == 1:
        assert read_verified(bundle.folder / "network.onnx", descriptor["network_onnx"], "MODEL_GRAPH")


def test_a_model_is_replaced_and_other_files_beside_it_are_kept(bundle):
    (bundle.folder / "curves.csv").write_text("epoch,loss\n")
    assert save_tiny(bundle.folder, version="2.0.0").descriptor["version"] == "2.0.0"
    assert (bundle.folder / "curves.csv").read_text() == "epoch,loss\n"
    assert [path.name for path in bundle.folder.parent.iterdir()] == ["tiny"]


def test_a_file_in_the_place_of_the_folder_is_kept(tmp_path):
    (tmp_path / "m").write_text("precious")
    refused("OUTPUT_NOT_WRITABLE", lambda: save_tiny(tmp_path / "m"))
    assert (tmp_path / "m").read_text() == "precious"


def test_reading_bundles_imports_neither_torch_nor_jsonschema(bundle):
    program = (
        "import sys; from resformer_unet.model.catalog import list_models;"
        "from resformer_unet.model.bundle import load_bundle;"
        "load_bundle(sys.argv[1]); list_models();"
        "sys.exit(bool({'torch', 'jsonschema', 'torchmetrics'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, str(bundle.folder)], check=True, env=environment)
