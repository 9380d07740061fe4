"""The machine and the versions that a benchmark ran with.

python benchmarks/machine.py
"""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from measuring import put

PACKAGES = (
    "torch", "onnxruntime", "onnxruntime-gpu", "numpy", "SimpleITK", "slicer-core", "monai",
    "dynamic-network-architectures", "segmentation-models-pytorch", "lightning",
)  # fmt: skip


def main() -> None:
    put(
        "machine",
        date=date.today().isoformat(),
        commit=_commit(),
        processor=_processor(),
        processors=os.cpu_count(),
        used=len(os.sched_getaffinity(0)),
        memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        system=_system(),
        python=platform.python_version(),
        gpu=torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        gpu_memory_gb=torch.cuda.get_device_properties(0).total_memory / 1e9 if torch.cuda.is_available() else None,
        cuda=torch.version.cuda,
        load=os.getloadavg()[0],
        versions={name: found for name in PACKAGES if (found := _version(name))},
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.split(":", 1)[1].split())
    return platform.machine()


def _system() -> str:
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return f"{release.get('PRETTY_NAME', platform.system())}, Linux {platform.release()}, {platform.machine()}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Of the checkout, with a mark when files differ from it; None outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        answer = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


if __name__ == "__main__":
    main()
