"""What is mutated and which tests have to notice it: each package is judged by the tests that mirror it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ENGINE = Path("ResFormerSeg/resformer_unet")
TESTS = Path("Testing/resformer_unet")


@dataclass(frozen=True)
class Package:
    """Paths relative to the repository's root.

    modules: file names within the package; all of its own files (not those of packages within it) if empty.
    pytest_arguments: given to pytest beside the folder of tests.
    """

    name: str
    modules: tuple[str, ...] = ()
    pytest_arguments: tuple[str, ...] = ()

    @property
    def files(self) -> list[Path]:
        folder = ENGINE / self.name
        names = self.modules or sorted(path.name for path in folder.glob("*.py") if not path.name.startswith("__"))
        return [folder / name for name in names]

    @property
    def tests(self) -> list[str]:
        return [str(TESTS / self.name), *self.pytest_arguments]


# The way from a file to its probabilities. The network itself is left to the golden tests and those of training.
PACKAGES = (
    Package("image"),
    Package("preprocessing"),
    Package("postprocessing"),
    Package("inference", pytest_arguments=(f"--ignore={TESTS / 'inference' / 'backends'}",)),
    Package("cardiac"),
    Package("model", ("bundle.py", "catalog.py", "schema.py")),
    Package("worker"),
)
