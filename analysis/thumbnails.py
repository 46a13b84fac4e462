"""Small copies of gallery pictures; where one can't be made, a drawing stands for it."""

import logging
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from hug.data.images import PictureError
from hug.files import reason, replacing

THUMBNAIL = 256  # pixels, long side
NO_PICTURE = Path(__file__).parents[1] / "assets" / "no-picture.webp"

log = logging.getLogger(__name__)


def thumbnail(picture: Callable[[], Image.Image], path: Path) -> Path:
    """The copy, written there; NO_PICTURE where the picture can't be read or the disk takes no more."""
    try:
        small = picture()
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        with replacing(path) as temporary:
            small.save(temporary, "WEBP", quality=85)
    except (OSError, PictureError) as error:
        log.warning("no thumbnail %s: %s", path, reason(error))
        return NO_PICTURE
    return path
