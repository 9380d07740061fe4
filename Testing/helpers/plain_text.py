"""Texts of the panel, compared without regard to where a line may break."""


def plain(text: str) -> str:
    """With ordinary spaces in the place of non-breaking ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ")
