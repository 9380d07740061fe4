"""qMRMLNodeComboBox: a list of the scene's nodes of some classes, kept up to date.

As the real one it chooses no node of those that are added. When the chosen node is removed it goes on to its neighbour,
as Qt's own list does; and after a scene was imported, its list is made anew and nothing is chosen.
"""

import threading

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from slicer_bed.pythonqt.signals import slotErrors
from slicer_bed.substitutes.api import stored, substitute
from slicer_bed.substitutes.mrml_widgets import SceneHolder

CREATE = "(create)"  # marks the entry of the list that makes a new node


def _update(self, _=None) -> None:
    self._update()


def _removeObservers(observers: dict) -> None:
    for observed, tag in observers.values():
        observed.RemoveObserver(tag)
    observers.clear()


class SortFilterProxyModel:
    """hiddenNodeIDs: nodes that are left out of the list."""

    def __init__(self, onChanged) -> None:
        self._onChanged = onChanged
        self._hidden: tuple[str, ...] = ()

    @property
    def hiddenNodeIDs(self) -> tuple[str, ...]:
        return self._hidden

    @hiddenNodeIDs.setter
    def hiddenNodeIDs(self, ids) -> None:
        if isinstance(ids, str) or not all(isinstance(nodeId, str) for nodeId in ids):
            raise ValueError(f"hiddenNodeIDs takes a list of texts, not {ids!r}")
        self._hidden = tuple(ids)
        self._onChanged()


@substitute
class qMRMLNodeComboBox(SceneHolder, QtWidgets.QWidget):
    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeActivated = QtCore.Signal(object)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    _internals = ("_list", "_sceneObservers", "_nodeObservers", "_currentId", "_attributes", "_filter")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._list = QtWidgets.QComboBox()
        self._list.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        sceneObservers, nodeObservers = {}, {}
        self._sceneObservers, self._nodeObservers, self._attributes = sceneObservers, nodeObservers, []
        self.destroyed.connect(lambda: (_removeObservers(sceneObservers), _removeObservers(nodeObservers)))
        self._currentId = ""
        self._filter = SortFilterProxyModel(self._update)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list)
        self._list.activated.connect(self._onActivated)

    nodeTypes = stored(list, "nodeTypes", [], _update)
    hideChildNodeTypes = stored(list, "hideChildNodeTypes", [], _update)
    showHidden = stored(bool, "showHidden", False, _update)
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True, _update)
    noneEnabled = stored(bool, "noneEnabled", False, _update)
    noneDisplay = stored(str, "noneDisplay", "None", _update)
    addEnabled = stored(bool, "addEnabled", True, _update)
    removeEnabled = stored(bool, "removeEnabled", True)
    editEnabled = stored(bool, "editEnabled", False)
    renameEnabled = stored(bool, "renameEnabled", False)
    baseName = stored(str, "baseName", "")
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "")

    # The scene

    def _onScene(self, scene) -> None:
        _removeObservers(self._sceneObservers)
        _removeObservers(self._nodeObservers)
        if scene is not None:
            for event, method in (
                (scene.NodeAddedEvent, self._onNodeAdded),
                (scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved),
                (scene.NodeRemovedEvent, self._onNodeRemoved),
                (scene.EndImportEvent, self._onImported),
                (scene.EndBatchProcessEvent, self._onBatchEnd),
            ):
                priority = -10.0 if event == scene.NodeAboutToBeRemovedEvent else 10.0  # the real list's
                self._sceneObservers[event] = (scene, scene.AddObserver(event, method, priority))
        self.setEnabled(scene is not None)
        self._update()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, scene, event, node) -> None:
        self._checkThread()
        if not scene.IsBatchProcessing() and self._shows(node):
            self._update()
            self.nodeAdded.emit(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, scene, event, node) -> None:
        if node.GetID() not in self._nodeObservers:
            return
        self.nodeAboutToBeRemoved.emit(node)
        if scene.IsBatchProcessing():
            return
        wasChosen, row = node.GetID() == self._currentId, self._list.findData(node.GetID())
        blocked = self._list.blockSignals(True)
        self._list.removeItem(row)
        self._list.blockSignals(blocked)
        if wasChosen:
            left = [self._list.itemData(index) for index in range(self._list.count)]
            left = [nodeId for nodeId in left if nodeId != CREATE]
            self._choose(left[min(row, len(left) - 1)] if left else "")

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, scene, event, node) -> None:
        self._checkThread()
        if not scene.IsBatchProcessing():
            self._update()

    def _onImported(self, scene, event) -> None:
        self._choose("")
        self._update()

    def _onBatchEnd(self, scene, event) -> None:
        self._update()

    @staticmethod
    def _checkThread() -> None:
        if threading.current_thread() is not threading.main_thread():
            slotErrors.append(RuntimeError("The scene was changed in a thread: in Slicer that crashes"))

    # The list

    def sortFilterProxyModel(self) -> SortFilterProxyModel:
        return self._filter

    def _shows(self, node) -> bool:
        if node.GetID() in self._filter.hiddenNodeIDs:
            return False
        if node.GetHideFromEditors() and not self.showHidden or any(node.IsA(kind) for kind in self.hideChildNodeTypes):
            return False
        classFits = node.IsA if self.showChildNodeTypes else node.GetClassName().__eq__
        return any(classFits(kind) for kind in self.nodeTypes) and all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
            for kind, name, value in self._attributes
            if node.IsA(kind)
        )

    def _nodes(self) -> list:
        scene = self.mrmlScene()
        nodes = [] if scene is None else [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
        return [node for node in nodes if self._shows(node)]

    def _update(self) -> None:
        nodes = self._nodes()
        blocked = self._list.blockSignals(True)
        self._list.clear()
        if self.noneEnabled:
            self._list.addItem(self.noneDisplay, "")
        for node in nodes:
            self._list.addItem(node.GetName() or node.GetID(), node.GetID())
        if self.addEnabled and self.nodeTypes:
            self._list.addItem(f"Create new {self._label()}", CREATE)
        self._list.blockSignals(blocked)
        self._observe(nodes)
        self._choose(self._currentId if self._currentId in [node.GetID() for node in nodes] else "")

    def _observe(self, nodes: list) -> None:
        """A node that is renamed changes its entry."""
        shown = {node.GetID(): node for node in nodes}
        for nodeId in set(self._nodeObservers) - set(shown):
            node, tag = self._nodeObservers.pop(nodeId)
            node.RemoveObserver(tag)
        for nodeId in set(shown) - set(self._nodeObservers):
            node = shown[nodeId]
            self._nodeObservers[nodeId] = (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onNodeModified))

    def _onNodeModified(self, node, event) -> None:
        index = self._list.findData(node.GetID())
        if index >= 0:
            self._list.setItemText(index, node.GetName() or node.GetID())

    def _label(self) -> str:
        return self.nodeTypes[0].replace("vtkMRML", "").replace("Node", "")

    # The choice

    def _onActivated(self, index: int) -> None:
        chosen = self._list.itemData(index)
        if chosen == CREATE:
            self.nodeAddedByUser.emit(self.addNode())
        else:
            self._choose(chosen or "")
            self.nodeActivated.emit(self.currentNode())

    def _choose(self, nodeId: str) -> None:
        blocked = self._list.blockSignals(True)
        self._list.setCurrentIndex(self._list.findData(nodeId))
        self._list.blockSignals(blocked)
        if nodeId != self._currentId:
            self._currentId = nodeId
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(nodeId)

    def currentNode(self):
        return self.mrmlScene().GetNodeByID(self._currentId) if self._currentId and self.mrmlScene() else None

    def setCurrentNodeID(self, nodeId: str | None) -> None:
        self._choose(nodeId if nodeId and self._list.findData(nodeId) >= 0 else "")

    currentNodeID = QtCore.Property(str, lambda self: self._currentId, setCurrentNodeID)

    def setCurrentNode(self, node) -> None:
        if node is not None and not isinstance(node, slicer.vtkMRMLNode):
            raise ValueError(f"qMRMLNodeComboBox.setCurrentNode() takes a node, not {type(node).__name__}")
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeIndex(self, index: int) -> None:
        self._choose(self._nodes()[index].GetID())

    def nodeCount(self) -> int:
        return len(self._nodes())

    def nodeFromIndex(self, index: int):
        return self._nodes()[index]

    def addAttribute(self, nodeType: str, name: str, value: str | None = None) -> None:
        self._attributes.append((nodeType, name, value))
        self._update()

    def addNode(self, nodeType: str | None = None):
        scene = self.mrmlScene()
        node = scene.AddNewNodeByClass(
            nodeType or self.nodeTypes[0], scene.GenerateUniqueName(self.baseName or self._label())
        )
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        return node

    def removeCurrentNode(self) -> None:
        self.mrmlScene().RemoveNode(self.currentNode())
