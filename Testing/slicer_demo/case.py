"""The image of the demonstration: a real head MR, or a synthetic sample without a network connection.

The real one is a contrast-enhanced T1 MR of a head with a tumour, 256 x 256 x 25 voxels, with a reference
segmentation. It is part of the source archive of the package pyradiomics 3.0.1, which pip downloads; only the two image
files are extracted, and checked by their SHA-256.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from helpers.synthetic_samples import headSample

PACKAGE = "pyradiomics==3.0.1"
ARCHIVE = "pyradiomics-3.0.1.tar.gz"
FILES = {
    "brain1_image.nrrd": "fffdb111ee8b428ede7256707393c927a7d5be912f0604cf3c6f1bd5fc9644cf",
    "brain1_label.nrrd": "ae6d8e6b84f7e99d68c210ee2fa6aaaefa0b2df0a84f55efca4feebe2b216059",
}


@dataclass(frozen=True)
class DemoCase:
    """image and reference: NRRD files on one grid; in the reference 1 is tumour.

    origin: their source, for the user.
    """

    name: str
    image: Path
    reference: Path
    origin: str


def getCase(cache: Path) -> DemoCase:
    """The real head, kept in the folder `cache`; a synthetic sample when it cannot be downloaded."""
    cache.mkdir(parents=True, exist_ok=True)
    image, reference = (cache / name for name in FILES)
    problem = None if _isThere(cache) else _download(cache)
    if problem is None:
        return DemoCase(
            "head", image, reference, f"a real contrast-enhanced T1 MR (from the source archive of {PACKAGE})"
        )
    image, reference = makeSample(cache)
    return DemoCase(
        "synthetic-head",
        image,
        reference,
        f"a synthetic head, since the real head MR could not be downloaded: {problem}",
    )


def _isThere(cache: Path) -> bool:
    return all((cache / name).is_file() and _sha256(cache / name) == digest for name, digest in FILES.items())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(cache: Path) -> str | None:
    """Returns the error, or None."""
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", PACKAGE, *options, "--dest", str(cache)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "the download took too long"
    if run.returncode != 0:
        lines = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
        return lines[-1] if lines else "pip could not download it"
    archive = cache / ARCHIVE
    with tarfile.open(archive) as tar:
        # By their exact names and contents only: nothing in an archive decides where files go.
        for name in FILES:
            (cache / name).write_bytes(tar.extractfile(f"pyradiomics-3.0.1/data/{name}").read())
    archive.unlink()
    return None if _isThere(cache) else "its files are not those expected"


def makeSample(folder: Path) -> tuple[Path, Path]:
    """Writes a synthetic head with a tumour, and the tumour's mask."""
    paths = folder / "synthetic_image.nrrd", folder / "synthetic_label.nrrd"
    headSample().save(*paths)
    return paths
