"""Stands for `slicer.packaging`: records what would be installed, installs nothing.

As under the application's `--testing`, nothing is asked. `answer = False` stands for a user who declines.
"""

from pathlib import Path

calls: list[dict] = []
answer = True


def load_requirements(path) -> list[str]:
    """The requirements of a file, without comments."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def pip_ensure(requirements, prompt=True, requester: str | None = None, skip_packages=None) -> None:
    """Raises RuntimeError when the user declines, as the real one does."""
    calls.append({"requirements": list(requirements), "requester": requester})
    if not answer:
        raise RuntimeError("User declined package installation")
