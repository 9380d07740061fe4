"""The case that is shown: it comes into the scene on a click, and leaves it for the next one unless it was edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.cases.opening import OpenCaseTask
from ResFormerSegLib.cases.row import Row
from ResFormerSegLib.cases.scene_volumes import candidatesFor
from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.runs.job import Job
from ResFormerSegLib.runs.saved_results import restoreResult
from ResFormerSegLib.scene.shown_frame import isImageOf, runImageOf
from ResFormerSegLib.scene.user_edits import hasManualEdits


@dataclass
class _Nodes:
    """Of a case in the scene. loadedAt: of the image of a volume that came with the case, when it was last touched;
    None for a volume that was in the scene before."""

    segmentation: vtk.vtkWeakReference | None
    table: vtk.vtkWeakReference
    volume: vtk.vtkWeakReference
    loadedAt: int | None
    isEdited: bool = False

    @property
    def areInScene(self) -> bool:
        """Whether all are: the user may have deleted one of them."""
        references = filter(None, (self.segmentation, self.table, self.volume))
        return all((node := reference.Get()) is not None and node.GetScene() is not None for reference in references)

    @property
    def segmentationNode(self):
        """None for a model without segmentation, and when it has left the scene."""
        node = self.segmentation.Get() if self.segmentation is not None else None
        return node if node is not None and node.GetScene() is not None else None


class ShownCases:
    """onShown: called with the result and its volume. onFailed: with the row and a ResFormerSegError. onEdited: called
    when a segmentation turns out to have been edited by hand."""

    def __init__(
        self,
        keeper: EngineKeeper,
        onShown: Callable[[object, object], None],
        onFailed: Callable[[Row, ResFormerSegError], None],
        onEdited: Callable[[], None],
    ) -> None:
        self._keeper = keeper
        self._onShown, self._onFailed, self._onEdited = onShown, onFailed, onEdited
        self._inScene: dict[str, _Nodes] = {}  # by case
        self._outdated: list[_Nodes] = []  # of results that were computed anew since
        self._job: Job | None = None
        self.opening: Row | None = None
        self._wanted: tuple[Row, str] | None = None  # while another one is being opened
        self._candidates: list = []  # volumes that it may be of

    def show(self, row: Row, folder: str) -> None:
        """folder: of the results. A click on another row while one is being opened: the last one counts."""
        if self._job is not None:
            self._wanted = (row, folder) if row is not self.opening else None
            if self._wanted:
                self._job.cancel()
            return
        nodes = self._inScene.get(row.case)
        if nodes is not None and nodes.areInScene:
            result = restoreResult(nodes.segmentationNode, nodes.table.Get())
            volume = result.volumeNode if result is not None else None
            if volume is not None and isImageOf(volume, runImageOf(result)):
                self.noteEdits()
                self._onShown(result, volume)
                self._removeOthers(row.case)
                return
            self.noteEdits()
            self.outdate(row.case)  # its image is another one by now: the case is opened anew, or refused
        try:
            self._candidates = _volumesFor(row)
            self._open(row, folder)
        except ResFormerSegError as error:
            self._onFailed(row, error)

    def isEdited(self, case: str) -> bool:
        """As far as `noteEdits` has seen."""
        nodes = self._inScene.get(case)
        return nodes is not None and nodes.isEdited and nodes.segmentationNode is not None

    def noteEdits(self) -> None:
        """Finds the segmentations that were edited by hand: these stay in the scene."""
        found = False
        for nodes in [*self._inScene.values(), *self._outdated]:
            if nodes.segmentationNode is None or nodes.isEdited:
                continue
            nodes.isEdited = hasManualEdits(nodes.segmentationNode)
            found = found or nodes.isEdited
        if found:
            self._onEdited()

    def outdate(self, case: str) -> None:
        """The case was computed anew: a click shows the new result."""
        nodes = self._inScene.pop(case, None)
        if nodes is not None:
            self._outdated.append(nodes)

    def forget(self) -> None:
        """For another folder of results. What is in the scene stays there."""
        self.cancel()
        self._inScene, self._outdated = {}, []

    def cancel(self) -> None:
        """The case that is being opened does not come into the scene."""
        job, self._job = self._job, None
        self.opening = self._wanted = None
        self._candidates = []
        if job is not None:
            job.onFinished = job.onFailed = _ignore
            job.cancel()

    def cleanup(self) -> None:
        self._onShown = self._onFailed = self._onEdited = _ignore
        self.forget()

    def _open(self, row: Row, folder: str) -> None:
        volume = self._candidates.pop(0) if self._candidates else None
        instances = row.input.instances if row.input is not None else ""
        job = Job(self._keeper, OpenCaseTask(folder, row.case, row.case, volume, instances))
        job.onFinished = lambda result: self._onOpened(row, result, volume is None)
        job.onFailed = lambda error: self._onNotOpened(row, folder, error)
        job.start()
        self._job, self.opening = job, row

    def _onOpened(self, row: Row, result, cameAlong: bool) -> None:
        self._job = self.opening = None
        self._candidates = []
        loadedAt = result.volumeNode.GetImageData().GetMTime() if cameAlong else None
        segmentation = weakReference(result.segmentationNode) if result.segmentationNode is not None else None
        self.outdate(row.case)
        self._inScene[row.case] = _Nodes(
            segmentation, weakReference(result.tableNode), weakReference(result.volumeNode), loadedAt
        )
        self.noteEdits()
        self._onShown(result, result.volumeNode)
        self._removeOthers(row.case)
        self._goOn()

    def _onNotOpened(self, row: Row, folder: str, error: ResFormerSegError) -> None:
        self._job = self.opening = None
        if self._goOn():
            return
        if error.code == "VOLUME_CHANGED" and self._candidates:
            try:
                self._open(row, folder)
                return
            except ResFormerSegError as other:
                error = other
        self._onFailed(row, error)

    def _goOn(self) -> bool:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self.show(*wanted)
        return wanted is not None

    def _removeOthers(self, kept: str) -> None:
        others = [nodes for case, nodes in self._inScene.items() if case != kept and not nodes.isEdited]
        self._inScene = {case: nodes for case, nodes in self._inScene.items() if case == kept or nodes.isEdited}
        others += [nodes for nodes in self._outdated if not nodes.isEdited]
        self._outdated = []
        for nodes in others:
            _removeNode(nodes.segmentationNode)
            _removeNode(nodes.table.Get())
        for nodes in others:  # when none of the segmentations refers to it any more
            volume = nodes.volume.Get()
            if nodes.loadedAt is not None and volume is not None and _mayLeave(volume, nodes.loadedAt):
                _removeNode(volume)


def _volumesFor(row: Row) -> list:
    """Volumes of the scene that the case may be of, the first of which is taken that has its voxels; empty for a case
    whose image is read from its files. Raises ResFormerSegError VOLUME_NOT_FOUND."""
    if row.input is not None:
        if not row.input.isOfScene:
            return []
        found = [row.input.volumeNode] if row.input.volumeNode is not None else []
        found += [node for node in candidatesFor(row.case) if node not in found]
    else:
        found = candidatesFor(row.case)
    if found:
        return found
    raise ResFormerSegError(
        "VOLUME_NOT_FOUND",
        _("The volume of the case “{name}” is not in the scene.").format(name=row.title),
        _("Load it under its name, then click the case again. Its segmentation is in the folder of the results."),
    )


def _mayLeave(volume, loadedAt: int) -> bool:
    """Unless the user has changed it, put it under a transform, or uses it for something else."""
    if volume.GetScene() is not slicer.mrmlScene or volume.GetParentTransformNode() is not None:
        return False
    image = volume.GetImageData()
    if image is None or image.GetMTime() != loadedAt:
        return False
    return not any(_refersTo(node, volume) for node in slicer.util.getNodesByClass("vtkMRMLTransformableNode"))


def _refersTo(node, volume) -> bool:
    roles = [node.GetNthNodeReferenceRole(index) for index in range(node.GetNumberOfNodeReferenceRoles())]
    return any(
        node.GetNthNodeReferenceID(role, index) == volume.GetID()
        for role in roles
        for index in range(node.GetNumberOfNodeReferences(role))
    )


def _removeNode(node) -> None:
    """With its display nodes, which the scene would keep."""
    scene = slicer.mrmlScene
    if node is None or node.GetScene() is not scene:
        return
    displays = []
    if node.IsA("vtkMRMLDisplayableNode"):
        displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    scene.RemoveNode(node)
    for display in filter(None, displays):
        if display.GetScene() is scene:
            scene.RemoveNode(display)


def _ignore(*arguments) -> None:
    """The default of a callback."""
