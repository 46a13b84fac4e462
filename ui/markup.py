"""Small pieces of HTML, escaped."""

from __future__ import annotations

import base64
import html
import io

from PIL import Image


def sentence(text: str) -> str:
    """A study's sentence; what a person typed in it is shown, not interpreted."""
    return f'<p class="hug-said">{html.escape(text)}</p>'


def inlined(picture: Image.Image, side: int) -> str:
    """A data URL of a small copy, at most `side` pixels on its long side, without metadata."""
    small = picture.convert("RGB")
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
