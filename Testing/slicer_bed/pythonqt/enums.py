"""Enums are plain numbers in PythonQt: they compare with integers and have no `.name`."""

import enum


def install(classes: list[type]) -> None:
    for kind in classes:
        for member in (kind, *vars(kind).values()):
            if isinstance(member, type) and issubclass(member, enum.Enum):
                member.name = property(_refuse)


def _refuse(self):
    raise AttributeError("PythonQt's enums are numbers: they have no attribute 'name'")
