"""Compares the result with a reference segmentation or label map, for instance one drawn by an expert."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.panel.chart.slice_table import fitTableHeight
from ResFormerSegLib.panel.comparison_columns import comparisonColumns, fillComparisonTable
from ResFormerSegLib.panel.comparison_watch import ComparisonWatch
from ResFormerSegLib.panel.widgets import makeButton, makeLabel
from ResFormerSegLib.runs.omitted_slices import analysedSlices
from ResFormerSegLib.scene.scene_changes import placeBeside
from ResFormerSegLib.scene.shown_frame import FRAME, showFrame

ROW_HEIGHT = 24
REFERENCE_ROLE = "ResFormerSeg.Reference"  # from the result's segmentation to what it was compared with


class ComparisonSection(VTKObservationMixin):
    """Fills the widget it is given. logic: a ResFormerSegLogic.

    The figures are shown for as long as they are those of the two that are chosen, as they are now.
    """

    def __init__(self, parentWidget, logic) -> None:
        VTKObservationMixin.__init__(self)
        self._logic = logic
        self._job = None
        self._watch = ComparisonWatch(self._onCompared)
        self._isOutdated = False  # whether one of the two has changed since the comparison began
        self._resultId = self._volumeId = None
        self._isPicture = False
        self._analysed: tuple[int, int, int] | None = None  # of a result of some slices, see `analysedSlices`
        self._rows: list[dict] = []
        self._build(parentWidget)
        self.clear()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)

    def showResult(self, result, volumeNode) -> None:
        """The reference stays chosen for the next result of the same volume."""
        chosen = self.selector.currentNode() if volumeNode.GetID() == self._volumeId else None
        self.clear()
        self._volumeId = volumeNode.GetID()
        node = result.segmentationNode
        if node is not None:
            self._resultId = node.GetID()
            self._analysed = analysedSlices(result.report, volumeNode)
            self._isPicture = any(row.get("volume_mm3") is None for row in result.report["segments"])
            self.selector.sortFilterProxyModel().hiddenNodeIDs = [node.GetID()]  # not to be compared with itself
            self.selector.setCurrentNode(node.GetNodeReference(REFERENCE_ROLE) or chosen)
        self._refresh()

    def clear(self) -> None:
        """Stops a running comparison."""
        job, self._job = self._job, None
        if job is not None:
            job.onFinished = job.onFailed = lambda outcome: None  # its outcome is no longer of interest
            job.cancel()
        self._resultId = self._volumeId = None
        self._forget()
        self.selector.setCurrentNode(None)
        self.selector.sortFilterProxyModel().hiddenNodeIDs = []
        self._setStatus("")
        self._refresh()

    def setActive(self, active: bool) -> None:
        """Nothing here depends on whether the module is shown."""

    def cleanup(self) -> None:
        self.removeObservers()
        self.clear()
        self.selector.setMRMLScene(None)

    def _build(self, parentWidget) -> None:
        layout = qt.QVBoxLayout(parentWidget)
        layout.setContentsMargins(4, 2, 4, 2)
        self.selector = slicer.qMRMLNodeComboBox()
        self.selector.objectName = "referenceSelector"
        self.selector.nodeTypes = ["vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode"]
        self.selector.addEnabled = self.selector.removeEnabled = False
        self.selector.noneEnabled = True
        self.selector.noneDisplay = _("Select a segmentation or a label map")
        self.selector.toolTip = _(
            "The segmentation to compare the result with. Segments of the same name are compared, else those of the "
            "same label value."
        )
        self.selector.setMRMLScene(slicer.mrmlScene)
        self.selector.connect("currentNodeChanged(vtkMRMLNode*)", self._onReferenceChosen)
        self.compareButton = makeButton("compareButton", _("Compare"), "", self.compare)
        self.cancelButton = makeButton("compareCancelButton", _("Cancel"), _("Stops the comparison"), self.cancel)
        self.reason = makeLabel("comparisonReason")
        self.status = makeLabel("comparisonStatus")
        self.table = qt.QTableWidget()
        self.table.objectName = "comparisonTable"
        self.table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalScrollBar().connect("rangeChanged(int,int)", self._fitHeight)
        self.storeButton = makeButton(
            "comparisonStoreButton",
            _("Save as table"),
            _("Adds the values to the scene as a table, beside the result"),
            self.store,
        )
        form = qt.QFormLayout()
        form.addRow(_("Reference:"), self.selector)
        layout.addLayout(form)
        buttons = qt.QHBoxLayout()
        for button in (self.compareButton, self.cancelButton):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        for widget in (self.reason, self.status, self.table, self.storeButton):
            layout.addWidget(widget)

    def compare(self) -> None:
        result, reference = self._node(self._resultId), self.selector.currentNode()
        if result is None or reference is None or self._job is not None:
            return
        self._forget()
        self._setStatus(_("Starting"))
        showFrame(self._node(self._volumeId), result.GetAttribute(FRAME))  # a reference may be of a sequence, too
        self._watch.watch(result, reference)
        try:
            self._job = self._logic.compare(
                result,
                reference,
                self._node(self._volumeId),
                wait=False,
                onProgress=self._onProgress,
                onFinished=self._onFinished,
                onFailed=self._onFailed,
            )
            result.SetNodeReferenceID(REFERENCE_ROLE, reference.GetID())
        except ResFormerSegError as error:
            self._onFailed(error)
        self._refresh()

    def cancel(self) -> None:
        if self._job is not None:
            self.cancelButton.enabled = False
            self._job.cancel()

    def store(self) -> None:
        """Adds the values as a table node, which is saved with the scene."""
        result = self._node(self._resultId)
        if result is None or not self._rows:
            return
        name = slicer.mrmlScene.GenerateUniqueName(_("{name} comparison").format(name=result.GetName()))
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", name)
        placeBeside(node, result)
        fillComparisonTable(node, comparisonColumns(self._rows, self._isPicture))
        self._setStatus(_("The values were saved in the table “{name}”.").format(name=name))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node) -> None:
        """Otherwise the selector would move on to another node by itself."""
        if self.selector.currentNode() is node:
            self.selector.setCurrentNode(None)

    def _onReferenceChosen(self, node=None) -> None:
        if self._rows:  # of another reference
            self._forget()
            self._setStatus("")
        self._refresh()

    def _onCompared(self) -> None:
        """One of the two that were compared has changed, or is changed while they are compared."""
        self._isOutdated = True
        if self._job is None:
            self._showOutdated()

    def _showOutdated(self) -> None:
        self._forget()
        self._setStatus(_("A segmentation was changed since the comparison. Press Compare again."))
        self._refresh()

    def _forget(self) -> None:
        """The figures, if there are any, are no longer of interest."""
        self._watch.stop()
        self._rows, self._isOutdated = [], False

    def _onProgress(self, fraction: float, message: str, secondsLeft: float | None = None) -> None:
        self._setStatus(message)

    def _onFinished(self, rows: list[dict]) -> None:
        self._job = None
        if self._isOutdated:
            self._showOutdated()
            return
        self._rows = rows
        self._setStatus(" ".join(filter(None, (self._missing(rows), self._omitted()))))
        self._refresh()

    def _onFailed(self, error: ResFormerSegError) -> None:
        self._job = None
        self._forget()
        self._setStatus("" if error.code == "CANCELLED" else f"{error.message} {error.hint}".strip())
        self._refresh()

    def _missing(self, rows: list[dict]) -> str:
        """Lists the segments of the result that the reference lacks."""
        segmentation = self._node(self._resultId).GetSegmentation() if self._node(self._resultId) else None
        compared = {row["id"] for row in rows}
        ids = segmentation.GetSegmentIDs() if segmentation else []
        names = [segmentation.GetSegment(name).GetName() for name in ids if name not in compared]
        return _("Not in the reference: {names}").format(names=", ".join(names)) if names else ""

    def _omitted(self) -> str:
        """Says that the figures are not those of the slices alone that were analysed."""
        if self._analysed is None:
            return ""
        text = _("Only slices {first} to {last} of 0 to {end} were analysed, but the reference counts in all slices.")
        return text.format(first=self._analysed[0], last=self._analysed[1], end=self._analysed[2])

    def _refresh(self) -> None:
        hasResult, running = self._node(self._resultId) is not None, self._job is not None
        reference = self.selector.currentNode()
        if not hasResult:
            reason = _("There is no segmentation to compare yet.")
        elif reference is None:
            reason = _("Select a reference first.")
        else:
            reason = ""
        self.compareButton.enabled = not reason and not running
        self.compareButton.toolTip = reason or _("Measures the agreement of result and reference")
        self.reason.text = reason
        self.reason.visible = bool(reason)  # a tool tip is easily missed
        self.selector.enabled = not running
        self.cancelButton.visible = self.cancelButton.enabled = running
        self.table.visible = self.storeButton.visible = bool(self._rows)
        self._fillTable()

    def _fillTable(self) -> None:
        """A column for each segment: a row for each would be wider than the panel."""
        names, *figures = comparisonColumns(self._rows, self._isPicture)
        self.table.clear()
        self.table.setRowCount(len(figures))
        self.table.setColumnCount(len(self._rows))
        self.table.setHorizontalHeaderLabels(names.values)
        self.table.setVerticalHeaderLabels([figure.title for figure in figures])
        for row, figure in enumerate(figures):
            for column in range(len(self._rows)):
                item = qt.QTableWidgetItem(figure.text(column))
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                self.table.setItem(row, column, item)
        self._fitHeight()

    def _fitHeight(self) -> None:
        fitTableHeight(self.table, self.table.rowCount, ROW_HEIGHT)

    def _setStatus(self, text: str) -> None:
        self.status.text = text
        self.status.visible = bool(text)

    def _node(self, nodeId: str | None):
        return slicer.mrmlScene.GetNodeByID(nodeId) if nodeId else None
