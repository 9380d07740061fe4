"""Whose height and weight the panel knows: they belong to a volume, and no other patient's result ever gets them."""

from __future__ import annotations

import slicer

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.body_size import heartOf, setBody
from ResFormerSegLib.scene.dicom_body import bodyInDicom


class PatientBody:
    """Keeps in the parameter node what the user entered, together with the volume of that patient."""

    def __init__(self) -> None:
        self._parameterNode = None

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode

    def complete(self, result) -> str:
        """Gives a new result the height and weight that are known of its patient: what the user entered for this
        volume, else what its DICOM header states. Returns a sentence on what was not taken from there, else "".

        result: of any kind; one without a heart is left alone.
        """
        if heartOf(result) is None:
            return ""
        node, volumes = self._parameterNode, _volumesOf(result)
        if node is not None and node.bodyVolume in volumes:
            try:
                setBody(result, node.heightCm or None, node.weightKg or None)
            except ResFormerSegError as error:  # of a scene that was edited elsewhere
                return str(error)
            return ""
        for volume in volumes:
            body, problem = bodyInDicom(volume)
            if body or problem:
                setBody(result, body.get("height_cm"), body.get("weight_kg"))
                return problem
        return ""

    def change(self, result, heightCm: float | None, weightKg: float | None) -> None:
        """The user entered them for the result's patient. Raises ResFormerSegError: BAD_OPTION."""
        setBody(result, heightCm, weightKg)
        volumes = _volumesOf(result)
        if self._parameterNode is not None and volumes:
            with slicer.util.NodeModify(self._parameterNode.parameterNode):
                self._parameterNode.bodyVolume = volumes[0]
                self._parameterNode.heightCm = heightCm or 0.0
                self._parameterNode.weightKg = weightKg or 0.0

    def cleanup(self) -> None:
        self._parameterNode = None


def errorOf(heightCm: object, weightKg: object) -> str:
    """What is wrong with a height and a weight, a sentence or two for the user; empty when nothing is."""
    from resformer_unet.cardiac.body import BodySize
    from resformer_unet.errors import EngineError

    try:
        BodySize(height_cm=heightCm, weight_kg=weightKg)
    except EngineError as error:
        return str(ResFormerSegError.fromEngine(error))
    return ""


def _volumesOf(result) -> list:
    """The nodes that show the patient, as far as they are still there."""
    return [node for node in (result.volumeNode, getattr(result, "otherVolumeNode", None)) if node is not None]
