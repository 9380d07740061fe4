"""Graphs that are not what the bundle states are refused with a sentence, whatever is wrong with them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from helpers.tiny_model import save_tiny
from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import ModelBundle, load_bundle
from resformer_unet.model.onnx_graph import OPSET, check_graph, verified_graph
from resformer_unet.model.saving import add_graph
from resformer_unet.training.finish.onnx_export import add_exported_graph


@pytest.fixture(scope="module")
def exported_bundle(tmp_path_factory) -> ModelBundle:
    return add_exported_graph(save_tiny(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def bundle(tmp_path, exported_bundle) -> ModelBundle:
    return load_bundle(shutil.copytree(exported_bundle.folder, tmp_path / "tiny"))


def graph_file(bundle: ModelBundle) -> Path:
    return bundle.folder / "network.onnx"


def refusal(call: Callable[[], object]) -> EngineError:
    with pytest.raises(EngineError) as caught:
        call()
    assert caught.value.hint
    return caught.value


def refused_with(bundle: ModelBundle, change: Callable[[onnx.ModelProto], object]) -> str:
    """The message for a changed graph, whose size and SHA-256 are stated truthfully, as an attacker would."""
    model = onnx.load(graph_file(bundle), load_external_data=False)
    change(model)
    before = graph_file(bundle).read_bytes()
    error = refusal(lambda: add_graph(bundle, model.SerializeToString(), OPSET))
    assert graph_file(bundle).read_bytes() == before
    assert error.code == "MODEL_GRAPH_INVALID"
    return error.message


def external(model: onnx.ModelProto) -> TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.data_location == TensorProto.EXTERNAL)


def put(key: str, value: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        next(entry for entry in external(model).external_data if entry.key == key).value = value

    return change


def test_an_exported_graph_is_accepted(bundle):
    assert verified_graph(bundle) == graph_file(bundle)


def test_a_graph_that_was_changed_is_refused(bundle):
    content = graph_file(bundle).read_bytes()
    graph_file(bundle).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert refusal(lambda: verified_graph(bundle)).code == "MODEL_GRAPH_TAMPERED"
    graph_file(bundle).write_bytes(content[:-1])
    assert refusal(lambda: verified_graph(bundle)).code == "MODEL_GRAPH_TAMPERED"
    graph_file(bundle).unlink()
    assert refusal(lambda: verified_graph(bundle)).code == "MODEL_GRAPH_MISSING"


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../other/weights.safetensors", "weights.safetensors/..", "model.json", ""]
)
def test_tensors_lie_in_the_bundles_own_weights_file_only(bundle, location):
    assert "instead of 'weights.safetensors'" in refused_with(bundle, put("location", location))


@pytest.mark.parametrize(
    ("key", "value"),
    [("offset", "999999999999"), ("offset", "-8"), ("offset", "0"), ("length", "999999999999"), ("length", "none")],
)
def test_tensors_lie_where_the_weights_file_has_them(bundle, key, value):
    assert "is not the one of weights.safetensors" in refused_with(bundle, put(key, value))


def test_a_tensor_has_the_type_and_shape_of_the_stored_one(bundle):
    def reshape(model):
        external(model).dims[0] += 1

    def retype(model):
        external(model).data_type = TensorProto.FLOAT

    def rename(model):
        external(model).name = "other.weight"

    def repeat(model):
        external(model).external_data.add(key="location", value="weights.safetensors")

    for change in (reshape, retype, repeat):
        assert "is not the one of weights.safetensors" in refused_with(bundle, change)
    assert "has no tensor other.weight" in refused_with(bundle, rename)


def test_operators_of_other_domains_are_refused(bundle):
    def operator(model):
        model.graph.node[0].domain = "com.microsoft"

    def other_set(model):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    def newer_set(model):
        model.opset_import[0].version += 1

    assert "'com.microsoft'" in refused_with(bundle, operator)
    for change in (other_set, newer_set):
        assert "other operators" in refused_with(bundle, change)


def test_subgraphs_functions_and_other_parts_are_refused(bundle):
    def subgraph(model):
        model.graph.node[0].attribute.append(helper.make_attribute("body", model.graph))

    def function(model):
        model.functions.append(helper.make_function("", "f", ["x"], ["x"], [], [helper.make_opsetid("", OPSET)]))

    def sparse(model):
        model.graph.sparse_initializer.add()

    for change, part in ((subgraph, "attribute"), (function, "model"), (sparse, "graph")):
        assert f"its {part} has the unexpected field" in refused_with(bundle, change)


def test_constants_of_operators_lie_inside_the_graph_and_are_whole(bundle):
    def outside(model):
        tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="weights.safetensors")
        model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))

    def cut(model):
        tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1 << 40], raw_data=b"1234")
        model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))

    assert "lies outside the graph" in refused_with(bundle, outside)
    assert "another type or size" in refused_with(bundle, cut)


def test_inputs_and_outputs_are_those_that_the_descriptor_implies(bundle):
    def more(model):
        model.graph.output.append(helper.make_tensor_value_info("secret", TensorProto.FLOAT, ["batch", 1]))

    def fewer(model):
        del model.graph.output[-1]

    def another_size(model):
        model.graph.input[0].type.tensor_type.shape.dim[2].dim_value += 1

    def another_type(model):
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE

    def fixed_batch(model):
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1

    for change in (more, fewer):
        assert "its outputs are" in refused_with(bundle, change)
    assert "its inputs are" in refused_with(bundle, another_size)
    for change in (another_type, fixed_batch):
        assert "not float32 with a batch axis" in refused_with(bundle, change)


def test_damaged_bytes_give_the_error_of_the_engine_and_no_other(bundle):
    content, chance = graph_file(bundle).read_bytes(), random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
        for _ in range(chance.randrange(1, 9)):
            damaged.insert(chance.randrange(len(damaged) + 1), chance.randrange(256))
        try:
            check_graph(bundle, bytes(damaged), OPSET)
        except EngineError as error:
            assert error.code == "MODEL_GRAPH_INVALID"
            refused += 1
    assert refused > 250
