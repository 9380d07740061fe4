"""Records a stream with its answers, and puts both into a sequence browser of their own, where they can be replayed."""

from __future__ import annotations

from collections.abc import Callable, Generator

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import LaterCall, callLater
from ResFormerSegLib.live.contour import LIVE
from ResFormerSegLib.live.feed import Frame
from ResFormerSegLib.live.session import LiveSession
from ResFormerSegLib.live.stepping import UNFINISHED, stepped
from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.runs.sequence_import import importSequence
from ResFormerSegLib.runs.sequence_results import SequenceResult
from ResFormerSegLib.scene.scene_changes import placeBeside
from ResFormerSegLib.scene.segmentation_import import makeLabelMaps
from ResFormerSegLib.scene.sequences import VolumeSequence

MOST_FRAMES = 3000  # five minutes at ten answers a second; 400 MB at 256 x 256 pixels of one byte with their answers


class LiveRecording:
    """Takes each image that is drawn with its answer, from its making until `finish`.

    session: of a stream. The sequences are made outside the scene; they enter it with `finish`.
    """

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._frames: list[tuple[Frame, dict, object]] = []
        volume = session.volumeNode
        self._volume = weakReference(volume)  # a stream may be deleted before its recording ends
        self._name, self._className = volume.GetName(), volume.GetClassName()
        self._tag: int | None = None
        self._later: LaterCall | None = None
        session.onFrame = self._add

    def __len__(self) -> int:
        return len(self._frames)

    def finish(
        self,
        onFinished: Callable[[SequenceResult], None],
        onFailed: Callable[[ResFormerSegError], None],
    ) -> None:
        """Ends the recording; calls one of the two from the event loop, when all is in the scene, or nothing."""
        self._session.onFrame = lambda *arguments: None
        steps = self._import()

        def goOn() -> None:
            try:
                result = stepped(steps)
            except ResFormerSegError as error:
                self.abandon()
                onFailed(error)
                return
            if result is UNFINISHED:
                self._later = callLater(goOn)
                return
            self.abandon()
            onFinished(result)

        self._tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.StartCloseEvent, self._onSceneClose)
        self._later = callLater(goOn)

    def abandon(self) -> None:
        """Nothing more is done."""
        self._session.onFrame = lambda *arguments: None
        if self._tag is not None:
            slicer.mrmlScene.RemoveObserver(self._tag)
            self._tag = None
        if self._later is not None:
            self._later.cancel()
        self._frames = []

    def _onSceneClose(self, caller=None, event=None) -> None:
        self.abandon()

    def _add(self, frame: Frame, answer, labels) -> None:
        isNew = not self._frames or frame.place.image != self._frames[-1][0].place.image
        if isNew and frame.copy is not None and len(self._frames) < MOST_FRAMES:
            self._frames.append((frame, answer.report, labels))

    def _import(self) -> Generator[None, None, SequenceResult]:
        """Raises ResFormerSegError: NOTHING_RECORDED, RESULT_NOT_IMPORTED."""
        import numpy as np

        from resformer_unet.image.sequence import SequenceInfo
        from resformer_unet.sequence.frame_figures import FrameWarnings, frame_row, sequence_report

        frames = [row for row in self._frames if row[0].exported.shape == self._frames[0][0].exported.shape]
        if len(frames) < 2:
            raise ResFormerSegError(
                "NOTHING_RECORDED",
                _("Fewer than two images were recorded."),
                _("Press Record while the sequence plays or the stream runs."),
            )
        begin = frames[0][0].seen
        source = yield from self._imageSequence(frames, begin)
        rows, warnings, labelMaps = [], FrameWarnings(), []
        for index, (frame, report, labels) in enumerate(frames):
            rows.append(frame_row(index, frame.seen - begin, report))
            warnings.add(index, report["warnings"])
            if labels is not None:
                layers = np.zeros((len(labels), *frame.exported.shape), np.uint8)
                np.moveaxis(layers, 1 + frame.place.axis, 1)[:, frame.place.index] = labels
                labelMaps.append((yield from makeLabelMaps(layers, report["segments"], frame.exported)))
            else:
                labelMaps.append([])
        info = SequenceInfo(source.proxy.GetName(), len(frames), None)
        report = sequence_report(info, rows, frames[0][1], warnings.rows(len(rows)), True)
        report = {**report, "slice_axis": frames[0][1]["slice_axis"], "heart": None}
        try:
            return (yield from importSequence(source, report, [row[1] for row in frames], labelMaps, []))
        except BaseException:
            for node in filter(None, (source.proxy, source.browser, source.sequence)):
                slicer.mrmlScene.RemoveNode(node)
            raise

    def _imageSequence(self, frames: list, begin: float) -> Generator[None, None, VolumeSequence]:
        volume, scene = self._volume.Get(), slicer.mrmlScene
        sequence = slicer.vtkMRMLSequenceNode()
        sequence.SetName(scene.GenerateUniqueName(_("{name} recording").format(name=self._name)))
        sequence.SetIndexName("time")
        sequence.SetIndexUnit("s")
        for frame, _report, _labels in frames:
            item = getattr(slicer, self._className)()
            item.SetName(sequence.GetName())
            item.SetAttribute(LIVE, "recording")
            item.SetIJKToRASMatrix(frame.exported.ijkToRas)
            item.SetAndObserveImageData(frame.copy)
            sequence.SetDataNodeAtValue(item, f"{frame.seen - begin:.3f}")
            yield
        scene.AddNode(sequence)
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", sequence.GetName())
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        proxy = browser.GetProxyNode(sequence)
        if volume is not None and volume.GetScene() is scene:
            proxy.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
            placeBeside(proxy, volume)
        return VolumeSequence(browser, sequence, proxy)
