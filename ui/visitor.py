"""Who a visitor is: a number that the server gives and their browser keeps, so that trainings are theirs.

The number carries a signature, so that only numbers given here count; what signs them never leaves the server.
"""

import hmac
import os
import re
import secrets
from functools import cache
from pathlib import Path

import gradio as gr

from analysis.session import RUNS, QueryError
from hug.files import write_text

FORM = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})")  # 128 bits, and their signature
PLACE = "hug-visitor-signed"  # in the browser's storage
OPEN = "not a secret"  # Gradio tells every browser what it encrypts its storage with; a fixed text survives a restart


def visitor() -> gr.BrowserState:
    """The component that keeps the number in the browser."""
    return gr.BrowserState("", storage_key=PLACE, secret=OPEN)


def visitor_or_new(value: object) -> str:
    """A visitor's signed number, or a new one for who has none yet."""
    return str(value) if _number(value) else _sign(secrets.token_hex(16))


def require_visitor(value: object) -> str:
    """The visitor's number, by which their trainings are found. Raises QueryError when the browser sends none."""
    number = _number(value)
    if not number:
        raise QueryError(
            "This browser keeps no data for this page, so a training could not be found again: allow it, and reload."
        )
    return number


def visitor_or_nobody(value: object) -> str:
    """The visitor's number; another one each time, which owns nothing, for who has none."""
    return _number(value) or secrets.token_hex(16)


def _number(value: object) -> str:
    """The number of a value that was given here; empty for any other."""
    match = FORM.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match and hmac.compare_digest(_sign(match[1]), match[0]) else ""


def _sign(number: str) -> str:
    key = os.environ.get("HUG_SECRET") or _secret(RUNS / "secret")
    return f"{number}.{hmac.digest(key.encode(), number.encode(), 'sha256').hex()[:32]}"


@cache
def _secret(path: Path) -> str:
    """Made once. Its file is the owner's alone."""
    if not path.exists():
        write_text(path, secrets.token_hex(16))
        path.chmod(0o600)
    return path.read_text()
