"""ONNX Runtime as the engine: quick on the CPU, and small to install."""

from __future__ import annotations

import os
import sys

import numpy as np

from resformer_unet.inference.backends.onnx_network import DIAGNOSIS, IMAGE, LEVEL, SEGMENTATION, onnx_network
from resformer_unet.inference.batching import NetworkOutput, not_finite
from resformer_unet.inference.out_of_distribution import mean_features, middle_levels
from resformer_unet.model.bundle import DESCRIPTOR, ModelBundle, invalid_descriptor, load_arrays, weights_mismatch
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.preprocessing.letterbox import Letterbox

BATCH = 4  # slices; more are not quicker on a CPU and take more memory


class OnnxEngine:
    """A network in ONNX Runtime on the CPU, see :class:`.Engine`."""

    device = description = "cpu"
    batch_size = BATCH

    def __init__(self, bundle: ModelBundle, threads: int | None = None) -> None:
        """``threads``: that work on a slice; ``None`` takes :func:`cpu_threads`.

        Raises:
            EngineError: those of :func:`.load_network`.
            ImportError: without ONNX Runtime.
        """
        import onnxruntime

        onnxruntime.disable_telemetry_events()  # on Windows it would report to Microsoft
        config, graph = graph_of(bundle)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cpu_threads() if threads is None else threads
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.name = f"ONNX Runtime {onnxruntime.__version__}"
        self._exclusive = config.exclusive
        self._levels = [LEVEL.format(level) for level in middle_levels(len(config.widths))]
        self._tasks = [name for name, has in ((SEGMENTATION, config.segments), (DIAGNOSIS, config.diagnoses)) if has]

    def reset(self) -> None:
        """There is no other device that it might have gone to."""

    def retreat(self) -> bool:
        return False

    def answer(self, batch: np.ndarray, transpose_tta: bool = False, shown: Letterbox | None = None) -> NetworkOutput:
        answer = self._answer_once(batch)
        masks, diagnosis = answer.get(SEGMENTATION), answer.get(DIAGNOSIS)
        if transpose_tta:
            answer = self._answer_once(np.ascontiguousarray(batch.swapaxes(2, 3)))
            masks = None if masks is None else (masks + answer[SEGMENTATION].swapaxes(2, 3)) / 2
            diagnosis = None if diagnosis is None else (diagnosis + answer[DIAGNOSIS]) / 2
        features = None
        if shown:  # of the last look, as PyTorch gives them
            levels = [answer[level] for level in self._levels]
            features = np.concatenate(mean_features(levels, shown, transpose_tta), axis=1)
        return NetworkOutput(masks, diagnosis, features)

    def _answer_once(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """By the outputs' names; masks as probabilities."""
        names = [*self._tasks, *self._levels]
        try:
            answer = dict(zip(names, self._session.run(names, {IMAGE: batch}), strict=True))
        except Exception as error:  # ONNX Runtime's own, of no class in common
            if "llocat" in str(error):  # “Failed to allocate memory for requested buffer”, “bad allocation”
                raise MemoryError(str(error)) from error
            raise
        if not all(np.isfinite(answer[task]).all() for task in self._tasks):
            raise not_finite()
        if SEGMENTATION in answer:
            logits = answer[SEGMENTATION]
            answer[SEGMENTATION] = _softmax(logits) if self._exclusive else _sigmoid(logits)
        return answer


def graph_of(bundle: ModelBundle) -> tuple[NetworkConfig, bytes]:
    """The network in the ONNX format, see :func:`.onnx_network`, and what determines it.

    Raises:
        EngineError: those of :func:`.load_network`.
    """
    try:
        config = NetworkConfig(**bundle.descriptor["network"])
    except (TypeError, ValueError) as error:
        raise invalid_descriptor(bundle.folder / DESCRIPTOR, [f"network: {error}"]) from error
    try:
        return config, onnx_network(config, load_arrays(bundle), bundle.descriptor["input"]["size"])
    except ValueError as error:
        raise weights_mismatch(bundle, [str(error)]) from error


def cpu_threads() -> int:
    """As many threads as OMP_NUM_THREADS says, which PyTorch goes by too, or as a program that uses PyTorch has set
    there, or as many processors as this process may use; 0, which means one for each core, if these are all."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if "torch" in sys.modules:
        return sys.modules["torch"].get_num_threads()
    processors = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else processors
    return usable if usable < processors else 0


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # 1 / infinity is right
        return 1 / (1 + np.exp(-logits))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)
