"""Pictures: found in folders, checked and opened; all enter through `open_picture`, those of strangers narrowed."""

import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

MAX_PIXELS = 25_000_000
SUFFIXES = {  # of picture files in lower case -> what they most often hold; what they do hold decides
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".jpe": "JPEG", ".webp": "WEBP", ".gif": "GIF",
    ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF",
}  # fmt: skip
UNREADABLE = (  # suffixes of pictures that can't be read here: listed, never passed over
    ".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".svg", ".psd", ".xcf", ".ai", ".eps", ".tga", ".exr", ".hdr",
    ".ico", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw",
)  # fmt: skip
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


@dataclass(frozen=True)
class Limits:
    """What is accepted of a picture file."""

    formats: tuple[str, ...]  # by content, whatever the name says
    bytes: int


OWN = Limits(tuple(dict.fromkeys(SUFFIXES.values())), 100 * 2**20)  # of one's own folders and data sets
SENT = Limits(("JPEG", "PNG", "WEBP"), 8 * 2**20)  # by a visitor: few decoders, little memory
MAX_BYTES = SENT.bytes


class PictureError(ValueError):
    """A picture that can't be used, in a sentence fit for the person who gave it."""


def open_picture(source: Path | bytes | Image.Image, limits: Limits = OWN) -> Image.Image:
    """RGB pixels and nothing else: upright by EXIF, alpha on white, metadata dropped; of several pictures the first.

    Reads JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF by content, at most 100 MB and 25 megapixels, or what `limits`
    say; checked before decoding. Raises PictureError in one sentence.
    """
    if isinstance(source, Image.Image):
        _check_pixels(source, "the picture")
        return flat(source)
    if isinstance(source, str) or not isinstance(source, Path | bytes):
        kind = type(source).__name__
        raise PictureError(f"a picture is a PIL image, a Path or the bytes of a file; got {kind} {str(source)[:40]!r}")
    name = printable(source.name) if isinstance(source, Path) else "the picture"
    content = _content(source, name, limits)
    try:
        with Image.open(io.BytesIO(content), formats=limits.formats) as picture:
            _check_pixels(picture, name)
            return flat(picture)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"{name} has more than {MAX_PIXELS // 10**6} megapixels; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise PictureError(f"{name} is not a {_either(limits.formats)} picture") from None
    except Exception as error:  # decoders raise almost anything on hostile bytes; all of it means the same
        raise PictureError(f"{name} is damaged or cut off and can't be read ({error})") from error


def flat(picture: Image.Image) -> Image.Image:
    """A new upright RGB picture without metadata, transparency on white, grey of more than 8 bits by its range."""
    turn = TURNS.get(_orientation(picture))
    if picture.mode.startswith(("I", "F")):
        picture = _grey(picture)
    clean = Image.new("RGB", picture.size, "white")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        clean.paste(picture, mask=picture.getchannel("A"))
    else:
        clean.paste(picture.convert("RGB"))
    return clean if turn is None else clean.transpose(turn)


def square(picture: Image.Image, size: int, colour: str = "white") -> Image.Image:
    """`size` x `size` RGB: padded with a colour to an aspect ratio of at most 1.25, resized, cropped at the centre.

    The short side of the padded picture becomes `size` (bicubic, antialiased). The padding is added after
    resizing, which is the same picture, so that a strip of 1 x 25,000,000 pixels needs no square of its length.
    """
    if picture.mode != "RGB" or picture.has_transparency_data or _orientation(picture) in TURNS:
        picture = flat(picture)
    scale = size / max(min(picture.size), max(picture.size) / ASPECT)
    width, height = (max(round(side * scale), 1) for side in picture.size)
    resized = picture.resize((width, height), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (size, size), colour)
    canvas.paste(resized, (int((size - width) / 2), int((size - height) / 2)))  # towards zero, as cropping rounds
    return canvas


# ---- folders ----


@dataclass(frozen=True)
class Listing:
    """The picture files below a folder, sorted, and what can't be one of them with the reason."""

    pictures: dict[str, Path]  # id -> file
    left_out: dict[str, str]  # path for people -> why, as a phrase


def list_pictures(root: str | Path) -> Listing:
    """Pictures of a folder, its subfolders and the folders linked from there; nothing is opened.

    An id is the relative path without its suffix, or with it where two files would share an id. Suffixes count in
    any case; a file with one of no picture is one if it begins as one. Hidden files and folders are passed over.
    Raises ValueError when there is no such folder.
    """
    root, left_out = Path(root), dict[str, str]()
    if not root.is_dir():
        raise ValueError(f"{printable(root)} is not a folder")
    files = {path: path.relative_to(root) for path in sorted(_walk(root, left_out)) if _is_picture(path, left_out)}
    full = {path: readable_id(place.as_posix()) for path, place in files.items()}
    short = {p: readable_id(_stem(place).as_posix()) for p, place in files.items()}
    times, names = Counter(short.values()), set(full.values())
    pictures: dict[str, Path] = {}
    for path in files:
        alone = times[short[path]] == 1 and short[path] not in names - {full[path]}
        id = short[path] if alone else full[path]
        if id in pictures:  # only names that differ in bytes which are no text
            left_out[printable(path)] = f"has the same id as {printable(pictures[id])}; rename one"
        else:
            pictures[id] = path
    return Listing(pictures, left_out)


def readable_pictures(root: str | Path) -> Listing:
    """`list_pictures`, each of which was decoded once: what can't be is left out with its reason."""
    listing = list_pictures(root)
    pictures, left_out = dict(listing.pictures), dict(listing.left_out)
    for id, path in listing.pictures.items():
        try:
            open_picture(path)
        except PictureError as error:
            left_out[printable(pictures.pop(id))] = str(error)
    return Listing(pictures, left_out)


@dataclass(frozen=True)
class PictureFolder:
    """Files of pictures by their ids, whatever the suffix and its case."""

    root: Path

    def find(self, id: str) -> Path | None:
        """The file of that name below the folder; None when there is none."""
        if not os.path.isdir(self.root):
            return None
        near = (os.path.join(self.root, f"{id}{suffix}") for suffix in SUFFIXES)  # texts: there may be 50,000 ids
        path = next((path for path in near if os.path.isfile(path)), None)
        return Path(path) if path else self._listed.get(id)

    @cached_property
    def _listed(self) -> dict[str, Path]:
        if not self.root.is_dir():
            return {}
        files = list_pictures(self.root).pictures.values()
        return {readable_id(_stem(path.relative_to(self.root)).as_posix()): path for path in reversed([*files])}


def printable(path: str | Path) -> str:
    """A path or text as any console and JSON file can hold it: bytes that are no text are written as \\xe9."""
    return readable_id(str(path))


def readable_id(name: str) -> str:
    """A name with the bytes that are no UTF-8 written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _walk(root: Path, left_out: dict[str, str]) -> Iterator[Path]:
    """Files below a folder; links are followed, each folder is entered once, hidden names are passed over."""
    entered: set[tuple[int, int]] = set()

    def refused(error: OSError) -> None:
        left_out[printable(error.filename)] = f"can't be entered ({error.strerror})"

    for folder, folders, files in os.walk(root, onerror=refused, followlinks=True):
        facts = os.stat(folder)
        if (facts.st_dev, facts.st_ino) in entered:  # a link back, or two links to one place
            folders.clear()
            continue
        entered.add((facts.st_dev, facts.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def _is_picture(path: Path, left_out: dict[str, str]) -> bool:
    """Whether a file is taken for a picture; one that looks like a picture and isn't taken gets its reason."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES and os.path.exists(path):
        return True
    if suffix in SUFFIXES:
        left_out[printable(path)] = "can't be reached: a link to nowhere, or no permission"
    elif suffix in UNREADABLE:
        left_out[printable(path)] = f"{suffix[1:].upper()} pictures can't be read here; save it as JPEG or PNG"
    else:
        return _begins_as_picture(path)
    return False


def _begins_as_picture(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with Image.open(path, formats=OWN.formats):
            return True
    except Exception:  # any file at all may lie in a folder; one that isn't a picture says so in many ways
        return False


def _stem(place: Path) -> Path:
    """A relative path without the suffix of a picture."""
    return place.with_suffix("") if place.suffix.lower() in SUFFIXES else place


def _grey(picture: Image.Image) -> Image.Image:
    """8-bit grey of modes I and F, which Pillow would clip at 255.

    I;16 has 65,536 tones. I and F say nothing of theirs, so the brightest pixel tells: 1 (F), 255, 65535 or itself.
    """
    grey = np.nan_to_num(np.asarray(picture, dtype=np.float64), posinf=0, neginf=0).clip(0)
    steps = (65535.0,) if picture.mode.startswith("I;16") else (255.0, 65535.0)
    steps = (1.0, *steps) if picture.mode == "F" else steps
    brightest = float(grey.max(initial=0))
    white = next((step for step in steps if brightest <= step), brightest)
    return Image.fromarray((grey * (255 / white)).round().astype(np.uint8))


def _either(names: tuple[str, ...]) -> str:
    labels = ["WebP" if name == "WEBP" else name for name in names]
    return f"{', '.join(labels[:-1])} or {labels[-1]}"


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF is free-form and often malformed; then it says nothing about the pixels
        return 1


def _content(source: Path | bytes, name: str, limits: Limits) -> bytes:
    try:
        if isinstance(source, Path) and source.exists() and not source.is_file():  # a pipe would be waited for
            raise PictureError(f"{name} is not a file")
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > limits.bytes:
            raise PictureError(f"{name} has {size / 2**20:.1f} MB; at most {limits.bytes // 2**20} MB are accepted")
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
