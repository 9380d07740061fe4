"""Cost of one forward pass: parameters, GMAC, milliseconds a slice and peak memory of both presets.

    python benchmarks/forward.py [--rounds 9]

Each row is measured in a process of its own, so that memory is its own; the time is the median over the rounds after
two for warming up. Memory is what the process needed above having torch and the network loaded.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time


def measure(preset: str, side: int, threads: int, rounds: int) -> dict:
    import torch
    from network_cost import network_cost

    from resformer_unet.network import NetworkConfig, ResFormerUNet

    torch.set_num_threads(threads)
    config = getattr(NetworkConfig, preset)(in_channels=1, segments=1, diagnoses=3)
    parameters, gmac = network_cost(ResFormerUNet(config).to("meta"), 1, side, side)
    network = ResFormerUNet(config).eval().to(memory_format=torch.channels_last)
    image = torch.rand(1, 1, side, side).to(memory_format=torch.channels_last)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    with torch.inference_mode():
        for _ in range(rounds + 2):
            start = time.perf_counter()
            network(image)
            seconds.append(time.perf_counter() - start)
    return {
        "parameters_M": parameters / 1e6,
        "GMAC": gmac,
        "ms": 1000 * statistics.median(seconds[2:]),
        "peak_MB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)  # preset, side, threads: in a child process
    options = parser.parse_args()
    if options.row:
        preset, side, threads = options.row
        print(json.dumps(measure(preset, int(side), int(threads), options.rounds)))
        return
    print("| preset | input | threads | parameters, M | GMAC | ms a slice | peak memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for preset in ("small", "base"):
        for side in (256, 512):
            for threads in (1, 2):
                row = [preset, str(side), str(threads)]
                command = [sys.executable, __file__, "--rounds", str(options.rounds), "--row", *row]
                figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                print(
                    f"| {preset} | {side}×{side} | {threads} | {figures['parameters_M']:.2f} | {figures['GMAC']:.2f} "
                    f"| {figures['ms']:.0f} | {figures['peak_MB']:.0f} |"
                )


if __name__ == "__main__":
    main()
