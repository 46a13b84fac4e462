"""Uploaded pictures: a folder of the app's own, one picture a file, deleted by age whatever ended the app before."""

import hashlib
import io
import logging
import os
import stat
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from gradio_client.utils import strip_invalid_filename_characters
from PIL import Image

from hug.data.images import SENT
from hug.files import replacing

log = logging.getLogger("hug.page")
HOUR = 3600.0  # seconds that an upload is kept
LOOK = 600.0  # seconds between two looks at what has become too old
MOST = 512 * 2**20  # bytes in the folder; beyond it the oldest go first
STUB = 16  # bytes kept of what is no picture: enough to say so when it is asked with
TURN = 10.0  # seconds between two counts of the folder's bytes


def folder() -> Path:
    """The private folder of uploads and of files made for a download, below GRADIO_TEMP_DIR or the system's.

    Gradio is told to use it. Raises OSError when it belongs to somebody else or can't be written.
    """
    name = f"hug-{os.getuid()}" if hasattr(os, "getuid") else "hug"
    base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).resolve()
    place = base if base.name == name else base / name
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = place.lstat()
        if not stat.S_ISDIR(facts.st_mode) or (hasattr(os, "getuid") and facts.st_uid != os.getuid()):
            raise PermissionError("it belongs to somebody else")
        place.chmod(0o700)
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            f"uploads can't be stored in {place} ({reason}); set GRADIO_TEMP_DIR to a folder of yours"
        ) from None
    os.environ["GRADIO_TEMP_DIR"] = str(place)
    return place


class Uploads:
    """The folder's bookkeeping: what comes in, what goes out again."""

    def __init__(self, place: Path, most: int = MOST) -> None:
        self.place, self.most = place, most
        self._counted = 0.0

    def add(self, name: str, content: bytes) -> Path:
        """Store an upload below the hash of its content; what is no picture keeps only its first bytes."""
        name = strip_invalid_filename_characters(Path(name).name, 120).lstrip(".") or "picture"
        if not is_picture(content):
            content = content[:STUB]
        path = self.place / hashlib.sha256(content).hexdigest() / name
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        if time.monotonic() - self._counted > TURN:
            self._counted = time.monotonic()
            sweep(self.place, most=self.most)
        return path


def is_picture(content: bytes) -> bool:
    """Whether the first bytes are those of a picture that can be asked with; whether it is whole shows when it is."""
    try:
        with Image.open(io.BytesIO(content), formats=SENT.formats):
            return True
    except Image.UnidentifiedImageError:
        return False
    except Exception:  # a picture, but not one within the limits: asking with it says which
        return True


def sweep(place: Path, age: float = HOUR, most: int = MOST, keep: Collection[str] = ()) -> int:
    """Delete files older than `age` seconds, then the oldest until `most` bytes are left; how many went.

    Empty folders go as well. Paths in `keep` stay. What others delete at the same time is no error.
    """
    files, gone, now = [], 0, time.time()
    for path in place.rglob("*"):
        with suppress(OSError):
            facts = path.lstat()
            if not stat.S_ISDIR(facts.st_mode):
                files.append((facts.st_mtime, facts.st_size, path))
    total = sum(size for _, size, _ in files)
    for changed, size, path in sorted(files, key=lambda file: file[0]):
        if (now - changed <= age and total <= most) or str(path) in keep:
            continue
        with suppress(OSError):
            path.unlink()
            total, gone = total - size, gone + 1
    for path in sorted((p for p in place.rglob("*") if p.is_dir()), reverse=True):
        with suppress(OSError):  # not empty, or just made for a file that comes
            if now - path.lstat().st_mtime > min(age, 60.0):
                path.rmdir()
    if gone:
        log.info("%d uploads deleted", gone)
    return gone
