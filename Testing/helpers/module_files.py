"""The files that the module ships, read off the tree, and the lists in its CMakeLists.txt.

python Testing/helpers/module_files.py        brings the lists in CMakeLists.txt up to date
"""

from __future__ import annotations

import re

from helpers.paths import MODULE_FOLDER

CMAKE = MODULE_FOLDER / "CMakeLists.txt"
SCRIPTS, RESOURCES = "MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"
NOT_SHIPPED = {"CMakeLists.txt", "Testing", "__pycache__"}


def filesInTree() -> dict[str, list[str]]:
    """Relative paths by the name of their list: scripts are Python files, resources all others."""
    files = [path.relative_to(MODULE_FOLDER) for path in sorted(MODULE_FOLDER.rglob("*")) if path.is_file()]
    shipped = [path for path in files if not any(part in NOT_SHIPPED or part[0] == "." for part in path.parts)]
    return {
        SCRIPTS: [path.as_posix() for path in shipped if path.suffix == ".py"],
        RESOURCES: [path.as_posix() for path in shipped if path.suffix != ".py"],
    }


def listedFiles(name: str) -> list[str]:
    """The entries of the list `name` in CMakeLists.txt, in its order."""
    return _block(name).search(CMAKE.read_text(encoding="utf-8"))[1].split()


def writeLists() -> None:
    text = CMAKE.read_text(encoding="utf-8")
    for name, files in filesInTree().items():
        lines = "".join(f"  {file}\n" for file in files)
        text = _block(name).sub(f"set({name}\n{lines}  )", text)
    CMAKE.write_text(text, encoding="utf-8", newline="\n")


def _block(name: str) -> re.Pattern:
    return re.compile(rf"set\({name}\n(.*?)  \)", re.DOTALL)


if __name__ == "__main__":
    writeLists()
