"""Volumes that are shown from a sequence: the one place that talks to Slicer's Sequences module.

A sequence (vtkMRMLSequenceNode) keeps its items in a scene of its own. A browser (vtkMRMLSequenceBrowserNode) shows one
item of several sequences at a time, each through a proxy node in the main scene, whose content it replaces: attributes
of a proxy are lost then, while its name, references and display stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer

from ResFormerSegLib.scene.volume_export import MOST_COMPONENTS


class VolumeSequence:
    """The sequence behind a volume. Nodes are kept by their ids: the user may delete them."""

    def __init__(self, browser, sequence, proxy) -> None:
        self.browserId, self.sequenceId, self.proxyId = browser.GetID(), sequence.GetID(), proxy.GetID()
        self.count = sequence.GetNumberOfDataNodes()
        self.indexValues = [sequence.GetNthIndexValue(index) for index in range(self.count)]
        self.indexName, self.indexUnit = sequence.GetIndexName() or "", sequence.GetIndexUnit() or ""
        self.indexType = sequence.GetIndexType()

    @property
    def browser(self):
        return slicer.mrmlScene.GetNodeByID(self.browserId)

    @property
    def sequence(self):
        return slicer.mrmlScene.GetNodeByID(self.sequenceId)

    @property
    def proxy(self):
        return slicer.mrmlScene.GetNodeByID(self.proxyId)

    def isUnchanged(self) -> bool:
        """Whether all nodes are there and the sequence has the same items as before."""
        if None in (self.browser, self.sequence, self.proxy):
            return False
        now = self.sequence
        values = [now.GetNthIndexValue(index) for index in range(now.GetNumberOfDataNodes())]
        return values == self.indexValues and self.browser.GetSequenceNode(self.proxy) is now

    def frame(self, index: int):
        """The volume node of a frame; it belongs to the sequence, and is not in the main scene."""
        return self.sequence.GetNthDataNode(index)

    def times(self) -> list[float] | None:
        """Seconds of each frame; None where the index is not a time."""
        factor = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6}.get(self.indexUnit.lower())
        if factor is None or self.indexType != slicer.vtkMRMLSequenceNode.NumericIndex:
            return None
        try:
            return [factor * float(value) for value in self.indexValues]
        except ValueError:
            return None

    def selected(self) -> int:
        """Index of the frame that the browser shows; -1 without one."""
        browser, sequence = self.browser, self.sequence
        master = browser.GetMasterSequenceNode() if browser is not None else None
        if master is None or sequence is None or browser.GetSelectedItemNumber() < 0:
            return -1
        value = master.GetNthIndexValue(browser.GetSelectedItemNumber())
        return sequence.GetItemNumberFromIndexValue(value, False)

    def select(self, index: int) -> None:
        """Shows a frame, as a click in the browser's tool bar does."""
        browser = self.browser
        if browser is not None and 0 <= index < self.count:
            browser.SetSelectedItemByIndexValue(self.indexValues[index], False)


def sequenceOf(volumeNode) -> VolumeSequence | None:
    """The sequence that a volume shows an item of; None for an ordinary volume, or where Sequences is switched off."""
    module = getattr(slicer.modules, "sequences", None)
    if module is None or volumeNode is None or volumeNode.GetScene() is not slicer.mrmlScene:
        return None
    browser = module.logic().GetFirstBrowserNodeForProxyNode(volumeNode)
    sequence = browser.GetSequenceNode(volumeNode) if browser is not None else None
    if sequence is None or sequence.GetNumberOfDataNodes() < 2:
        return None
    return VolumeSequence(browser, sequence, volumeNode)


def isVolume(node) -> bool:
    """Whether an item of a sequence is an image with voxels."""
    image = node.GetImageData() if node is not None and node.IsA("vtkMRMLScalarVolumeNode") else None
    if image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None:
        return False
    return image.GetNumberOfScalarComponents() <= MOST_COMPONENTS


def newSequence(source: VolumeSequence, name: str):
    """A sequence with the index of another one, not yet in the scene."""
    node = slicer.vtkMRMLSequenceNode()
    node.SetName(name)
    node.SetIndexName(source.indexName)
    node.SetIndexUnit(source.indexUnit)
    node.SetIndexType(source.indexType)
    return node


@contextmanager
def addedToBrowser(source: VolumeSequence, sequenceNode) -> Iterator:
    """Puts a sequence into the scene and the browser of another one; gives its proxy, showing the same frame.

    Frames that the sequence lacks show nothing, not their neighbour's, and what the user changes in a frame stays.
    When the block fails, the browser lets go of the sequence: it would make the proxy again that is removed next.
    """
    browser = source.browser
    slicer.mrmlScene.AddNode(sequenceNode)
    try:
        browser.AddSynchronizedSequenceNode(sequenceNode)
        browser.SetMissingItemMode(sequenceNode, browser.MissingItemSetToDefault)
        browser.SetSaveChanges(sequenceNode, True)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        proxy = browser.GetProxyNode(sequenceNode)
        if proxy is None:
            raise RuntimeError("the sequence browser made no node for the segmentations")
        yield proxy
    except BaseException:
        browser.RemoveSynchronizedSequenceNode(sequenceNode.GetID())
        raise
