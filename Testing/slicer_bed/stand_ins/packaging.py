"""Stands for `slicer.packaging`: records in `calls` what would be installed, and installs nothing.

As the real one it asks first, and does nothing at all under `--testing`.
"""

from pathlib import Path

import slicer
from packaging.requirements import Requirement

calls: list[dict] = []


def load_requirements(path) -> list[Requirement]:
    """The requirements of a file, without comments and options of pip."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> None:
    """Raises RuntimeError when the user declines."""
    if not all(isinstance(requirement, Requirement) for requirement in requirements):
        raise TypeError("pip_ensure() takes what load_requirements() gives")
    if slicer.app.testingEnabled() and skip_in_testing:
        return
    names = ", ".join(requirement.name for requirement in requirements)
    if prompt_install and not slicer.util.confirmOkCancelDisplay(f"{requester} needs {names}. Install now?"):
        raise RuntimeError("User declined package installation")
    calls.append({"requirements": [str(requirement) for requirement in requirements], "requester": requester})
