"""Which engine runs a model, on which device."""

from __future__ import annotations

from .bundle import ModelBundle, load_network
from .devices import choose_device
from .inference import Engine
from .torch_engine import TorchEngine


def load_engine(bundle: ModelBundle, device: str = "auto") -> Engine:
    return TorchEngine(load_network(bundle), choose_device(device))


def explaining_engine(bundle: ModelBundle, engine: Engine) -> TorchEngine:
    return engine
