"""HTML from the templates in `ui/templates`: everything that is filled in is escaped."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES, TEXTS = (Path(__file__).parent / folder for folder in ("templates", "texts"))
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render(template: str, **values: Any) -> Markup:
    """The template `{template}.html` with its values; Markup among them is taken as HTML, all else as text."""
    return Markup(_ENVIRONMENT.get_template(f"{template}.html").render(**values))


def text(name: str) -> str:
    """A long text of the page, Markdown, from `ui/texts`."""
    return (TEXTS / f"{name}.md").read_text("utf-8").strip()


@cache
def texts(name: str) -> dict[str, Any]:
    """Sentences and labels of a part of the page by their names, from `ui/texts`."""
    return tomllib.loads((TEXTS / f"{name}.toml").read_text("utf-8"))
