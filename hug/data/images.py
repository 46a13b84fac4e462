"""Pictures: checked and opened, whoever sent them; every picture enters through `open_picture`."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

MAX_BYTES = 8 * 2**20  # 8 MB a picture file
MAX_PIXELS = 25_000_000
FORMATS = ("JPEG", "PNG", "WEBP")  # by content, whatever the name says
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
ASPECT = 1.25  # a longer picture is padded to this ratio of its sides
ORIENTATION = 0x0112  # EXIF tag; its values turn a picture upright as follows
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(ValueError):
    """A picture that can't be used, in a sentence fit for the person who gave it."""


def open_picture(source: Path | bytes | Image.Image) -> Image.Image:
    """RGB pixels and nothing else: upright by EXIF, alpha on white, metadata dropped.

    Accepts JPEG, PNG and WebP by content, at most 8 MB and 25 megapixels, checked before decoding.
    Raises PictureError in one sentence.
    """
    if isinstance(source, Image.Image):
        _check_pixels(source, "the picture")
        return flat(source)
    name = source.name if isinstance(source, Path) else "the picture"
    content = _content(source, name)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            _check_pixels(picture, name)
            return flat(picture)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"{name} has more than {MAX_PIXELS // 10**6} megapixels; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise PictureError(f"{name} is not a JPEG, PNG or WebP picture") from None
    except Exception as error:  # decoders raise almost anything on hostile bytes; all of it means the same
        raise PictureError(f"{name} is damaged or cut off and can't be read ({error})") from error


def flat(picture: Image.Image) -> Image.Image:
    """A new upright RGB picture without metadata, transparency on white."""
    turn = TURNS.get(_orientation(picture))
    if picture.mode.startswith(("I", "F")):  # 16-bit grey: Pillow's own conversion clips all above 255 to white
        grey = np.asarray(picture, dtype=np.float32) / (257 if picture.mode.startswith("I") else 1)
        picture = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    clean = Image.new("RGB", picture.size, "white")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        clean.paste(picture, mask=picture.getchannel("A"))
    else:
        clean.paste(picture.convert("RGB"))
    return clean if turn is None else clean.transpose(turn)


def square(picture: Image.Image, size: int) -> Image.Image:
    """`size` x `size` RGB: padded with white to an aspect ratio of at most 1.25, resized, cropped at the centre.

    The short side of the padded picture becomes `size` (bicubic, antialiased). The padding is added after
    resizing, which is the same picture, so that a strip of 1 x 25,000,000 pixels needs no square of its length.
    """
    if picture.mode != "RGB" or picture.has_transparency_data or _orientation(picture) in TURNS:
        picture = flat(picture)
    scale = size / max(min(picture.size), max(picture.size) / ASPECT)
    width, height = (max(round(side * scale), 1) for side in picture.size)
    resized = picture.resize((width, height), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (size, size), "white")
    canvas.paste(resized, (int((size - width) / 2), int((size - height) / 2)))  # towards zero, as cropping rounds
    return canvas


def read_folder(root: str | Path) -> dict[str, Path]:
    """Pictures of a folder and its subfolders, sorted; an id is the relative path without its suffix.

    Raises ValueError for a missing or empty folder, and when two files would share an id.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder")
    pictures: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        if path.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in place.parts):
            continue
        id = place.with_suffix("").as_posix()
        if id in pictures:
            raise ValueError(f"{pictures[id]} and {path} would share the id {id!r}; rename one")
        pictures[id] = path
    if not pictures:
        raise ValueError(f"{root} has no pictures ({', '.join(SUFFIXES)})")
    return pictures


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF is free-form and often malformed; then it says nothing about the pixels
        return 1


def _content(source: Path | bytes, name: str) -> bytes:
    try:
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > MAX_BYTES:
            raise PictureError(f"{name} has {size / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are accepted")
        content = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise PictureError(f"{name} can't be opened: {error.strerror}") from error
    if not content:
        raise PictureError(f"{name} is empty")
    return content


def _check_pixels(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 10**6
        raise PictureError(f"{name} has {width} x {height} pixels; at most {limit} megapixels are accepted")
    if not width * height:
        raise PictureError(f"{name} has no pixels")
