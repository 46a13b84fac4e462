"""Who a visitor is: a random number that their browser keeps, so that trainings are theirs and survive a reload."""

import os
import re
import secrets
from pathlib import Path

import gradio as gr

from analysis.session import RUNS, QueryError
from hug.files import write_text

FORM = re.compile(r"[0-9a-f]{32}")  # 128 bits


def visitor(folder: Path = RUNS) -> gr.BrowserState:
    """The component; what the browser stores is encrypted with HUG_SECRET, or with a secret made once in `folder`."""
    return gr.BrowserState(
        "", storage_key="hug-visitor", secret=os.environ.get("HUG_SECRET") or _secret(folder / "secret")
    )


def visitor_or_new(value: object) -> str:
    """A visitor's number, or a new one for who has none yet."""
    return value if isinstance(value, str) and FORM.fullmatch(value) else secrets.token_hex(16)


def require_visitor(value: object) -> str:
    """The visitor's number. Raises QueryError when the browser sends none."""
    if not (isinstance(value, str) and FORM.fullmatch(value)):
        raise QueryError(
            "This browser keeps no data for this page, so a training could not be found again: allow it, and reload."
        )
    return value


def _secret(path: Path) -> str:
    if not path.exists():
        write_text(path, secrets.token_hex(16))
        path.chmod(0o600)
    return path.read_text()
