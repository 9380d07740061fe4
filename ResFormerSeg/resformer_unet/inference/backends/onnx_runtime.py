"""ONNX Runtime as the backend: quick on the CPU, and small to install."""

from __future__ import annotations

import os
import sys
from types import ModuleType

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.inference.backends.backend import NetworkOutput, Pooling, not_finite
from resformer_unet.inference.backends.devices import usable_processors
from resformer_unet.model.bundle import AGAIN, ModelBundle
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.model.onnx_graph import DIAGNOSIS, IMAGE, LEVEL, SEGMENTATION, verified_graph

BATCH = 4  # slices; more are not quicker on a CPU and take more memory


def import_onnxruntime() -> ModuleType:
    """ONNX Runtime without its telemetry, which its import would start; the only place where it is imported.

    Raises:
        ImportError: without ONNX Runtime.
    """
    # Version 1.32 for Linux writes a device id into the home folder and looks up a host when it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # on Windows
    return onnxruntime


class OnnxBackend:
    """A network in ONNX Runtime on the CPU, see :class:`.Backend`."""

    device = description = "cpu"
    batch_size = BATCH

    def __init__(self, bundle: ModelBundle, threads: int | None = None) -> None:
        """``threads``: for one slice; ``None`` takes :func:`cpu_threads`.

        Raises:
            EngineError: those of :func:`.verified_graph`.
            ImportError: without ONNX Runtime.
        """
        onnxruntime = import_onnxruntime()
        path = verified_graph(bundle)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cpu_threads() if threads is None else threads
        options.log_severity_level = 3  # errors
        try:
            # By its path, as ONNX Runtime looks for the weights beside it.
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own, of no class in common
            _raise_memory_error(error)
            message = f"ONNX Runtime {onnxruntime.__version__} cannot run “{path}” ({error})."
            raise EngineError("MODEL_GRAPH_INVALID", message, AGAIN) from error
        self.name = f"ONNX Runtime {onnxruntime.__version__}"
        config = NetworkConfig(**bundle.descriptor["network"])
        self._exclusive = config.exclusive
        self._levels = [LEVEL.format(level) for level in config.feature_levels]
        self._tasks = [name for name, has in ((SEGMENTATION, config.segments), (DIAGNOSIS, config.diagnoses)) if has]

    def reset(self) -> None:
        """There is only the CPU."""

    def fall_back_to_cpu(self) -> bool:
        return False

    def predict(self, batch: np.ndarray, transpose_tta: bool = False, pool: Pooling | None = None) -> NetworkOutput:
        output = self._predict_once(batch, bool(pool))
        masks, diagnosis = output.get(SEGMENTATION), output.get(DIAGNOSIS)
        passes = [[output[level] for level in self._levels]] if pool else []
        if transpose_tta:
            output = self._predict_once(np.ascontiguousarray(batch.swapaxes(2, 3)), bool(pool))
            masks = None if masks is None else (masks + output[SEGMENTATION].swapaxes(2, 3)) / 2
            diagnosis = None if diagnosis is None else (diagnosis + output[DIAGNOSIS]) / 2
            if pool:
                passes.append([output[level].swapaxes(2, 3) for level in self._levels])
        features = np.stack([np.concatenate(pool(levels), axis=1) for levels in passes]) if pool else None
        return NetworkOutput(masks, diagnosis, features)

    def _predict_once(self, batch: np.ndarray, features: bool) -> dict[str, np.ndarray]:
        """By the outputs' names; masks as probabilities."""
        names = [*self._tasks, *(self._levels if features else ())]
        try:
            output = dict(zip(names, self._session.run(names, {IMAGE: batch}), strict=True))
        except Exception as error:
            _raise_memory_error(error)
            raise
        if not all(np.isfinite(output[task]).all() for task in self._tasks):
            raise not_finite()
        if SEGMENTATION in output:
            logits = output[SEGMENTATION]
            output[SEGMENTATION] = _softmax(logits) if self._exclusive else _sigmoid(logits)
        return output


def _raise_memory_error(error: Exception) -> None:
    if "llocat" in str(error):  # “Failed to allocate memory for requested buffer”, “bad allocation”
        raise MemoryError(str(error)) from error


def cpu_threads() -> int:
    """As many threads as OMP_NUM_THREADS says, which PyTorch goes by too, or as a program that uses PyTorch has set
    there, or as many processors as this process may use; 0, which means one for each core, if these are all.

    Never more than these processors: threads that wait for one another's turn take many times as long."""
    usable = usable_processors()
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdecimal() and asked.strip("0"):
        return usable if len(asked) > 9 else min(int(asked), usable)
    if "torch" in sys.modules:
        return min(sys.modules["torch"].get_num_threads(), usable)
    return usable if usable < (os.cpu_count() or 1) else 0


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # 1 / infinity is right
        return 1 / (1 + np.exp(-logits))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)
