"""Body surface area, and cardiac function parameters indexed to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resformer_unet.option_fields import Number, Options, bad_option, option

_INDEXED = ("lvedv_ml", "lvesv_ml", "lvsv_ml", "rvedv_ml", "rvesv_ml", "rvsv_ml", "lv_mass_g")
# Body mass index in kg/m², wider than that of any living patient, premature infants included: outside, the two values
# were exchanged, or have other units.
_BODY_MASS_INDEX = (5.0, 150.0)


@dataclass(frozen=True)
class BodySize(Options):
    """Height and weight of a patient; both are needed for indexed values.

    Raises:
        EngineError: BAD_OPTION for a value outside its range, or a weight that no patient of that height has.
    """

    height_cm: float | None = option(
        Number(30, 250, unit="cm"),
        "The height",
        "height of the patient, for indexed volumes and mass",
        absent="unknown",
    )
    weight_kg: float | None = option(
        Number(1, 400, unit="kg"), "The weight", "weight of the patient, for indexed volumes and mass", absent="unknown"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.height_cm is None or self.weight_kg is None:
            return
        index = self.weight_kg / (self.height_cm / 100) ** 2
        if not _BODY_MASS_INDEX[0] <= index <= _BODY_MASS_INDEX[1]:
            raise bad_option(
                f"A weight of {self.weight_kg:g} kg does not go with a height of {self.height_cm:g} cm "
                f"(body mass index {index:.0f} kg/m²).",
                "Check whether the two were exchanged, or are in other units.",
            )

    @property
    def surface_m2(self) -> float | None:
        """Body surface area by Mosteller (N Engl J Med 317:1098, 1987); ``None`` unless both are known."""
        if self.height_cm is None or self.weight_kg is None:
            return None
        return (self.height_cm * self.weight_kg / 3600) ** 0.5


def indexed(function: Mapping[str, float], body: BodySize) -> dict[str, float] | None:
    """Volumes and mass divided by the body surface area, for instance ``lvedv_ml_m2`` and ``lv_mass_g_m2``.

    Parameters that ``function`` lacks are left out.
    """
    surface = body.surface_m2
    return (
        None if surface is None else {f"{name}_m2": function[name] / surface for name in _INDEXED if name in function}
    )


def body_entries(function: Mapping[str, float], body: BodySize) -> dict:
    """The entries of a report on a heart that depend on its patient's body.

    Returns:
        ``body`` with ``height_cm``, ``weight_kg`` and ``surface_m2``, and ``indexed`` of :func:`indexed`.
    """
    size = {"height_cm": body.height_cm, "weight_kg": body.weight_kg, "surface_m2": body.surface_m2}
    return {"body": size, "indexed": indexed(function, body)}
