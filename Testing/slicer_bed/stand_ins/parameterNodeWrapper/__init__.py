"""Stands for `slicer.parameterNodeWrapper`: a class of typed choices that are kept in a node of the scene.

As much as the panel uses: bool, int, float, str, pathlib.Path, Enum, nodes; `Annotated` with the validators below and
`Default`; `connectGui` with the dynamic property `SlicerParameterName`. Anything else raises at once. As in the
application:

- `connectGui` returns None, and `disconnectGui(None)` does nothing: the widgets stay connected;
  `connectParametersToGui` returns a tag that works.
- values are checked when they are written (TypeError or ValueError), not when they are read.
- the choices of a node that is new, or was emptied by closing the scene, become their defaults when it is wrapped.
"""

from slicer.parameterNodeWrapper.connectors import Decimals, SingleStep
from slicer.parameterNodeWrapper.validators import Choice, Default, Exclude, Maximum, Minimum, Validator, WithinRange
from slicer.parameterNodeWrapper.wrapper import isParameterNodeWrapper, parameterNodeWrapper

SlicerParameterNamePropertyName = "SlicerParameterName"

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "Maximum",
    "Minimum",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]
