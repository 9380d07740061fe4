"""Writing a model bundle, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.atomic_files import atomic_file, atomic_write_text, disk_full, text_bytes
from resformer_unet.errors import NO_ROOM, EngineError
from resformer_unet.model.bundle import (
    CARD,
    GRAPH,
    NETWORK_ONNX,
    WAITING,
    WEIGHTS,
    ModelBundle,
    finish_saving,
    load_bundle,
)
from resformer_unet.model.descriptor import DESCRIPTOR, check_descriptor, read_descriptor
from resformer_unet.model.onnx_graph import check_graph
from resformer_unet.model.weights import load_network

if TYPE_CHECKING:
    import torch


def save_bundle(
    folder: str | os.PathLike,
    descriptor: dict,
    state_dict: dict[str, torch.Tensor],
    card: str,
    beside_card: Mapping[str, str] | None = None,
) -> ModelBundle:
    """Write a bundle (weights in half precision) and check what was written; ``descriptor`` comes without "weights".

    The bundle has no ONNX graph, as a former one would not fit the new weights: :func:`add_graph` gives it one.

    The bundle is complete before it takes its place: a failure, also of the whole process, leaves ``folder`` with the
    model that it had or with the new one. Files of other names in an existing folder are kept. ``beside_card`` are
    texts by file name that the card refers to.

    Raises ``EngineError``: MODEL_DESCRIPTOR_INVALID, MODEL_WEIGHTS_MISMATCH, MODEL_WEIGHTS_OUT_OF_RANGE, DISK_FULL,
    OUTPUT_NOT_WRITABLE.
    """
    folder = Path(folder)
    content = _to_half_precision(state_dict)
    described = {"file": WEIGHTS, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    descriptor = {**descriptor, "weights": {**described, "dtype": "float16"}}
    descriptor.pop(GRAPH, None)
    check_descriptor(descriptor, folder / DESCRIPTOR)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _temporary_folder(folder) as temporary:
            staged = temporary / "bundle"
            staged.mkdir()
            (staged / WEIGHTS).write_bytes(content)
            for name, text in {**(beside_card or {}), CARD: card}.items():
                (staged / name).write_bytes(text_bytes(text))
            (staged / DESCRIPTOR).write_bytes(text_bytes(_json(descriptor)))
            load_network(load_bundle(staged))
            _put_in_place(staged, folder)
            (folder / NETWORK_ONNX).unlink(missing_ok=True)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise disk_full(folder) from error
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"The model could not be written to “{folder}” ({error.strerror or error}).",
            "Choose a folder in which you may write.",
        ) from error
    return load_bundle(folder)


def add_graph(bundle: ModelBundle, graph: bytes, opset: int) -> ModelBundle:
    """Give a bundle its network as an ONNX graph; weights, card and the rest of the descriptor stay as they are.

    Raises ``EngineError``: DISK_FULL, OUTPUT_NOT_WRITABLE; those of :func:`.check_graph`.
    """
    check_graph(bundle, graph, opset)
    described = {"file": NETWORK_ONNX, "sha256": hashlib.sha256(graph).hexdigest(), "bytes": len(graph), "opset": opset}
    descriptor = {**bundle.descriptor, GRAPH: described}
    if GRAPH in bundle.descriptor:  # while the graph is replaced, the bundle is one without a graph
        without = {name: value for name, value in bundle.descriptor.items() if name != GRAPH}
        atomic_write_text(bundle.folder / DESCRIPTOR, _json(without))
    with atomic_file(bundle.folder / NETWORK_ONNX) as temporary:
        temporary.write_bytes(graph)
    atomic_write_text(bundle.folder / DESCRIPTOR, _json(descriptor))
    return load_bundle(bundle.folder)


def _to_half_precision(state_dict: dict[str, torch.Tensor]) -> bytes:
    import safetensors.torch

    halves = {}
    for name, tensor in state_dict.items():
        tensor = tensor.detach().cpu()
        halves[name] = (tensor.half() if tensor.is_floating_point() else tensor).clone().contiguous()
        if not halves[name].isfinite().all():
            raise EngineError(
                "MODEL_WEIGHTS_OUT_OF_RANGE",
                f"{name} holds values that are not finite in half precision.",
                "The training has probably diverged; train again with a lower learning rate.",
            )
    return safetensors.torch.save(halves)


def _json(descriptor: dict) -> str:
    return json.dumps(descriptor, indent=2, ensure_ascii=False) + "\n"


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside the model's; what a killed process left there is removed."""
    temporary = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(staged: Path, folder: Path) -> None:
    """Make the staged bundle that of ``folder``; its descriptor decides at every moment which of the two models it is.

    The other new files wait in the folder until the new descriptor has its name; see :func:`.finish_saving`.
    """
    if not folder.exists():
        staged.rename(folder)
        return
    waiting, earlier, temporary = folder / WAITING, folder / DESCRIPTOR, staged.with_name("descriptor")
    before = earlier.read_bytes() if earlier.exists() else None
    if waiting.exists():  # of a process that was killed
        os.replace(waiting, staged.with_name("left"))
    os.replace(staged / DESCRIPTOR, temporary)
    try:
        os.replace(staged, waiting)
        os.replace(temporary, earlier)
        finish_saving(folder, read_descriptor(earlier))
    except OSError:  # another program may have the weights open
        if before is None:
            earlier.unlink(missing_ok=True)
        else:
            temporary.write_bytes(before)
            os.replace(temporary, earlier)
        shutil.rmtree(waiting, ignore_errors=True)
        raise
