"""The one exception that a run ends with when it does not end with a result."""

from __future__ import annotations


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

    def __reduce__(self) -> tuple:
        """For pickle and copy, which would call the class with the text that `str` gives."""
        return type(self), (self.code, self.message, self.hint, self.details)

    def copy(self) -> ResFormerSegError:
        """The same error without its traceback and its cause."""
        return type(self)(self.code, self.message, self.hint, self.details)

    @classmethod
    def fromEngine(cls, error) -> ResFormerSegError:
        """error: an EngineError of one of the engine's modules that run in the application."""
        return cls(error.code, error.message, error.hint)
