"""The worker's commands by their names: each is checked, then carried out."""

from __future__ import annotations

from collections.abc import Callable

from resformer_unet.worker.case_commands import CaseCommands
from resformer_unet.worker.collecting import collect
from resformer_unet.worker.devices import list_devices
from resformer_unet.worker.image_commands import ImageCommands
from resformer_unet.worker.protocol import CommandContext, check_command
from resformer_unet.worker.ranking import rank
from resformer_unet.worker.report_command import write_patient_report, write_report
from resformer_unet.worker.result_commands import compare, diagnose_patient, evaluate_cine


class Commands:
    """Runs commands, one at a time.

    The libraries behind a command are imported with the first one, so that the worker is ready at once.
    """

    def __init__(self) -> None:
        on_image = ImageCommands()
        on_cases = CaseCommands(on_image)
        self._functions: dict[str, Callable[[dict, CommandContext], dict]] = {
            "predict": on_image.predict,
            "explain": on_image.explain,
            "live": on_image.live,
            "compare": compare,
            "patient": diagnose_patient,
            "cine": evaluate_cine,
            "rank": rank,
            "report": write_report,
            "patient_report": write_patient_report,
            "collect": collect,
            "find_cases": on_cases.find,
            "case": on_cases.run,
            "open_case": on_cases.open,
            "cases_page": on_cases.page,
            "devices": list_devices,
        }

    def run(self, command: dict, context: CommandContext) -> dict:
        """The content of the ``result`` event.

        Raises:
            EngineError: those of :func:`.check_command`, OUTPUT_NOT_WRITABLE, and those of the engine.
            Cancelled: when ``context.cancelled()`` returned true.
        """
        check_command(command)
        return self._functions[command["command"]](command, context)
