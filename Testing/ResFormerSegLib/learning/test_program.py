"""A program beside the worker ends when the application does, whatever it is doing."""

import sys

import pytest

from slicer_bed.processes import workers
from slicer_bed.watch import waitFor

ANSWER = 'import sys; print(\'{"event": "note", "text": "there"}\', flush=True); '
THEN = {
    "waits for its input to end": "sys.stdin.read()  # worker",
    "is done, and slow to leave": 'print(\'{"event": "result"}\', flush=True); import time; time.sleep(600)  # worker',
}


@pytest.mark.parametrize("behaviour", THEN)
def test_the_end_of_the_application_ends_a_program(bed, scene, behaviour):
    from ResFormerSegLib.engine.process import EngineProcess
    from ResFormerSegLib.learning.program import Program

    def makeEngine(_):
        return EngineProcess([sys.executable, "-c", ANSWER + THEN[behaviour]])

    program, events = Program([], makeEngine), []
    program.onNote, program.onFinished = events.append, events.append
    waitFor(lambda: len(events) == (2 if "done" in behaviour else 1), 30)
    assert workers()
    bed.qtApplication.aboutToQuit.emit()
    assert program.isOver and not workers()
