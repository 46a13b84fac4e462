"""What a picture is: its content, never its name, size or date."""

import hashlib
from pathlib import Path

from PIL import Image


def content_hash(picture: Path | bytes | Image.Image) -> str:
    """32 hex digits over a file's bytes, or over the pixels of a decoded picture (another hash than its file's).

    Raises OSError for a file that can't be read.
    """
    if isinstance(picture, Path):
        with picture.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    if isinstance(picture, Image.Image):
        picture = f"{picture.mode} {picture.size}".encode() + picture.tobytes()
    return hashlib.sha256(picture).hexdigest()[:32]
