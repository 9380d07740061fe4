"""Time of one forward pass of several networks that take turns, so that a busier minute hits all of them.

    python benchmarks/forward.py [--side 256] [--batch 1] [--threads 2] [--device cpu] [--seconds 30]

Each round runs every network once, always in the same order, `small` first. Ratios are taken within a round; rows hold
the medians over the rounds, after one round for warming up. There are as many rounds as fit into the seconds.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from contestants import ALL, contestant
from measuring import put, rounds, seconds_of
from networks import ONNX, OURS

PAUSE = 0.02  # seconds between two networks, so that idle threads of one do not disturb the next


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=256, help="rows and columns of a slice (default: 256)")
    parser.add_argument("--batch", type=int, default=1, help="slices at a time (default: 1)")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU (default: 2)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--seconds", type=float, default=30.0, help="for all rounds together (default: 30)")
    parser.add_argument("--rounds", type=int, default=15, help="at most (default: 15)")
    parser.add_argument("--networks", nargs="+", choices=ALL, default=ALL, metavar="NAME", help=", ".join(ALL))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    setting = {"side": options.side, "batch": options.batch, "threads": options.threads, "device": options.device}

    contestants = {}
    names = [*OURS, *(name for name in options.networks if name not in OURS)]
    for name in names:
        if name == ONNX and options.device != "cpu":
            continue
        try:
            contestants[name] = contestant(
                name, options.side, options.batch, options.threads, torch.device(options.device)
            )
        except (ImportError, RuntimeError) as error:
            put("forward", network=name, **setting, left_out=str(error).splitlines()[0])

    def one_round() -> dict[str, float]:
        seconds = {}
        for name, run in contestants.items():
            time.sleep(PAUSE)
            seconds[name] = seconds_of(run)
        return seconds

    one_round()
    measured = rounds(one_round, options.seconds, options.rounds)
    for name, run in contestants.items():
        put(
            "forward",
            network=name,
            **setting,
            rounds=len(measured),
            ms_per_slice=1000 * statistics.median(row[name] for row in measured) / options.batch,
            times_small=statistics.median(row[name] / row["small"] for row in measured),
            layout=run.layout,
        )


if __name__ == "__main__":
    main()
