"""Backends that run the network: ONNX Runtime on a CPU, PyTorch on a GPU or a CPU."""
