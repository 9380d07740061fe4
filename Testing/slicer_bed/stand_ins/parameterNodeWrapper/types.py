"""How each type of choice is kept in the parameter node."""

import enum
import pathlib

import slicer

PATHS = (pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePath)


class TextType:
    """A value that is kept as text."""

    def __init__(self, kind: type, accepted, read, write=str, default=None) -> None:
        self.accepted, self.default = accepted, default if default is not None else kind()
        self._read, self._write = read, write

    def check(self, value) -> None:
        if value is None:
            raise ValueError("Value must not be None")
        if not isinstance(value, self.accepted):
            raise TypeError(f"Value must be of type '{self.accepted}', is type '{type(value)}' value '{value}'")

    def isIn(self, node, name: str) -> bool:
        return node.HasParameter(name)

    def read(self, node, name: str):
        return self._read(node.GetParameter(name))

    def write(self, node, name: str, value) -> None:
        node.SetParameter(name, self._write(value))


class NodeType:
    """A node of the scene, kept as a reference; an empty parameter tells that it was set at all."""

    default = None

    def __init__(self, kind: type) -> None:
        self.accepted = kind

    def check(self, value) -> None:
        if value is not None and not isinstance(value, self.accepted):
            raise TypeError(f"Value must be of type '{self.accepted}', is type '{type(value)}' value '{value}'")

    def isIn(self, node, name: str) -> bool:
        return node.HasParameter(name)

    def read(self, node, name: str):
        return node.GetNodeReference(name)

    def write(self, node, name: str, value) -> None:
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)


def typeOf(kind: type):
    """Raises TypeError for a type that a parameter node cannot keep (or that this stand-in does not know)."""
    if kind is bool:
        return TextType(bool, bool, lambda text: text == "True", lambda value: "True" if value else "False")
    if kind is int:
        return TextType(int, int, int)
    if kind is float:
        return TextType(float, (int, float), float)
    if kind is str:
        return TextType(str, str, str)
    if kind in PATHS:
        return TextType(kind, kind, kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return TextType(kind, kind, lambda text: kind[text], lambda value: value.name, default=list(kind)[0])
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return NodeType(kind)
    raise TypeError(f"Unable to create serializer for type: {kind}")
