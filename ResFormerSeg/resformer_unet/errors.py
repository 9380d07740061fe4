"""The two exceptions of the engine that callers are meant to catch."""


class EngineError(Exception):
    """Something the user can act on: what is wrong, and what to do about it.

    Args:
        code: stable identifier in upper snake case, for instance ``FILE_NOT_FOUND``.
        message: one or two plain sentences saying what is wrong.
        hint: a sentence saying what to do; may be empty.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


def unexpected(error: Exception) -> EngineError:
    """The code INTERNAL for a failure that nobody foresaw; it must not stop the work on other images."""
    failure = EngineError(
        "INTERNAL",
        f"The engine failed unexpectedly: {type(error).__name__}: {error}.",
        "Please report it with what --debug shows.",
    )
    failure.__cause__ = error
    return failure


class Cancelled(Exception):
    """The user asked to stop; nothing is wrong."""
