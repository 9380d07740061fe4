"""The two exceptions of the engine that callers are meant to catch, and how a value is shown in them."""

import errno

LONGEST_SHOWN = 80  # characters
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of a full disk, a quota, a file system of small files
# How libraries say that memory has run out when they raise no ``MemoryError``; in small letters.
_OUT_OF_MEMORY = (
    "can't start new thread", "failed to map segment", "cannot allocate memory", "can't allocate memory",
    "not enough memory", "bad_alloc", "bad allocation", "failed to allocate", "unable to allocate",
)  # fmt: skip


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


def shown(value: object) -> str:
    """A value that somebody gave, for an error message: a text in quotation marks, and none of it longer than a line.

    What the terminal or a pipe cannot take, such as half of a pair of surrogates, becomes a question mark.
    """
    try:
        text = str(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number that is too long to write"
    text = text.encode(errors="replace").decode()
    if len(text) > LONGEST_SHOWN:
        text = f"{text[: LONGEST_SHOWN - 1]}…"
    return f"“{text}”" if isinstance(value, str) else text


def unexpected(error: Exception) -> EngineError:
    """INTERNAL, for an exception that is a bug; or OUT_OF_MEMORY, or DISK_FULL.

    It must not stop the work on other images.
    """
    failure = (
        out_of_memory(error)
        or _disk_is_full(error)
        or EngineError(
            "INTERNAL",
            f"The engine failed unexpectedly: {type(error).__name__}: {error}.",
            "Please report it with what --debug shows.",
        )
    )
    failure.__cause__ = error
    return failure


def _disk_is_full(error: BaseException) -> EngineError | None:
    if getattr(error, "errno", None) not in NO_ROOM:
        return None
    return EngineError("DISK_FULL", "A disk or your quota is full.", "Free some space, also for temporary files.")


def out_of_memory(error: BaseException) -> EngineError | None:
    """OUT_OF_MEMORY, if that is what an exception of any kind means: threads and libraries need memory, too."""
    says_so = isinstance(error, OSError | RuntimeError | ImportError) and any(
        words in str(error).lower() for words in _OUT_OF_MEMORY
    )
    if says_so or isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        hint = "Close other programs, or crop the image."
        return EngineError("OUT_OF_MEMORY", "The computer is out of memory.", hint)
    return None


class Cancelled(Exception):
    """The user cancelled; this is no failure."""
