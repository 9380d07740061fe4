"""The two exceptions of the engine that callers are meant to catch."""


class EngineError(Exception):
    """An error that the user can act on.

    Args:
        code: stable identifier in capitals and underscores, for instance ``FILE_NOT_FOUND``.
        message: one or two sentences on the problem.
        hint: a sentence on the remedy; may be empty.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


def unexpected(error: Exception) -> EngineError:
    """INTERNAL, for an exception that is a bug; it must not stop the work on other images."""
    failure = EngineError(
        "INTERNAL",
        f"The engine failed unexpectedly: {type(error).__name__}: {error}.",
        "Please report it with what --debug shows.",
    )
    failure.__cause__ = error
    return failure


class Cancelled(Exception):
    """The user cancelled; this is no failure."""
