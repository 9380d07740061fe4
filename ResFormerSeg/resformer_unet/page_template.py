"""The templates of pages, rendered with Jinja2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resformer_unet.errors import EngineError

if TYPE_CHECKING:
    from jinja2 import Template


def page_template(package: str, name: str, missing: EngineError, **filters) -> Template:
    """The template ``name`` that lies in ``package``: values are escaped, and one that is not given is an error.

    Raises:
        EngineError: ``missing``, where Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise missing from None
    environment = Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment.get_template(name)
