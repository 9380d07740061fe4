"""The one exception that a run ends with when it does not end with a result."""


class ResFormerSegError(Exception):
    """A run failed or was cancelled; the scene is as it was before.

    code: upper case with underscores, stable, for programs: "VOLUME_EMPTY", "ENGINE_KILLED", "CANCELLED", or a code
    of the engine. message: what is wrong, a sentence for the user. hint: what to do about it, may be empty. details:
    the engine's last log lines.
    """

    def __init__(self, code: str, message: str, hint: str = "", details: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details
