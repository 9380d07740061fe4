"""The descriptor of a model, ``model.json``: reading and checking it without its weights."""

from resformer_unet.model.bundle import DESCRIPTOR, check_descriptor, read_descriptor

__all__ = ["DESCRIPTOR", "check_descriptor", "read_descriptor"]
