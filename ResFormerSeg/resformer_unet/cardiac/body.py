"""Body surface area, and cardiac function parameters indexed to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resformer_unet.option_fields import Number, Options, option

_INDEXED = ("lvedv_ml", "lvesv_ml", "lvsv_ml", "rvedv_ml", "rvesv_ml", "rvsv_ml", "lv_mass_g")


@dataclass(frozen=True)
class BodySize(Options):
    """Height and weight of a patient; both are needed for indexed values."""

    height_cm: float | None = option(
        Number(30, 250, unit="cm"),
        "The height",
        "height of the patient, for indexed volumes and mass",
        absent="unknown",
    )
    weight_kg: float | None = option(
        Number(1, 400, unit="kg"), "The weight", "weight of the patient, for indexed volumes and mass", absent="unknown"
    )

    @property
    def surface_m2(self) -> float | None:
        """Body surface area by Mosteller (N Engl J Med 317:1098, 1987); ``None`` unless both are known."""
        if self.height_cm is None or self.weight_kg is None:
            return None
        return (self.height_cm * self.weight_kg / 3600) ** 0.5


def indexed(function: Mapping[str, float], body: BodySize) -> dict[str, float] | None:
    """Volumes and mass divided by the body surface area, for instance ``lvedv_ml_m2`` and ``lv_mass_g_m2``."""
    surface = body.surface_m2
    return None if surface is None else {f"{name}_m2": function[name] / surface for name in _INDEXED}
