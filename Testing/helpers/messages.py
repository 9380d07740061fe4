"""The panel's message area for a test of one of its parts."""


class Messages:
    """What the panel's message area is told."""

    def __init__(self) -> None:
        self.notices, self.errors = [], []
        self.showNotice, self.showError = self.notices.append, self.errors.append

    def clear(self) -> None:
        self.errors.clear()
