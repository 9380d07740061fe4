"""The names of the classes of a diagnosis, to show to the user."""

from __future__ import annotations


def namesOfClasses(report: dict, known: dict[str, str] | None = None) -> dict[str, str]:
    """By id, in the order of the report, which itself gives the name of the most probable class only.

    known: names that the model's description gives. A class that nobody names is called by its id, made readable.
    """
    diagnosis = report.get("diagnosis") or {}
    names = {identifier: readable(identifier) for identifier in diagnosis.get("probabilities", {})}
    if diagnosis.get("name"):
        names[diagnosis["label"]] = diagnosis["name"]
    return {identifier: (known or {}).get(identifier, name) for identifier, name in names.items()}


def readable(identifier: str) -> str:
    return identifier.replace("_", " ").replace("-", " ").capitalize()
