"""Parameters, multiply-accumulates and peak memory of one network's forward pass, in a process of its own.

    python benchmarks/forward_memory.py --network small [--side 256] [--batch 1] [--device cpu]

Memory is what the process needed at most above having PyTorch and the network loaded; on a GPU, what PyTorch had
allocated there at most, the network included.
"""

from __future__ import annotations

import argparse

import torch

from contestants import ALL, contestant
from measuring import MEGABYTE, Memory, put
from network_cost import network_cost
from networks import ONNX, build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=ALL, default="small")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    setting = {key: getattr(options, key) for key in ("network", "side", "batch", "device")}
    name = "small" if options.network == ONNX else options.network
    try:
        parameters, gmac = network_cost(build(name, options.side).to("meta"), 1, options.side, options.side)
        run = contestant(
            options.network, options.side, options.batch, torch.get_num_threads(), device, layout="contiguous"
        )
    except (ImportError, RuntimeError) as error:
        put("memory", **setting, left_out=str(error).splitlines()[0])
        return
    memory = Memory()
    before = memory.now()
    memory.forget_peak()
    run()
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else memory.peak() - before
    put("memory", **setting, parameters=parameters, gmac=gmac, peak_mb=peak / MEGABYTE)


if __name__ == "__main__":
    main()
