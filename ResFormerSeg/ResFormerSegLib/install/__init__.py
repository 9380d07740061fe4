"""Installation of the inference engines: ONNX Runtime and PyTorch."""
