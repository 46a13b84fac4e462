"""Triplets, their pictures, and the one reader of Fashion-IQ's layout; every picture enters through `open_picture`.

A tree holds `images/{id}.png|.jpg|.jpeg|.webp`, `captions/cap.{category}.{split}.json` and
`image_splits/split.{category}.{split}.json`. The generated garments are written in the same layout.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

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
STRIPPED = ".?, "  # what `fiq-std` strips from both ends of a caption


class PictureError(ValueError):
    """A picture that can't be used, in a sentence fit for the person who gave it."""


@dataclass(frozen=True)
class Triplet:
    """A reference picture, two sentences on what should change, and the picture that was meant."""

    reference: str
    target: str
    captions: tuple[str, str]
    category: str


@dataclass(frozen=True)
class Collection:
    """One split: its triplets and, per category, the ids to search in file order."""

    name: str
    split: str
    root: Path
    triplets: tuple[Triplet, ...]
    galleries: dict[str, tuple[str, ...]]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Every id once, in gallery order, then those that only triplets name."""
        pairs = (i for t in self.triplets for i in (t.reference, t.target))
        return tuple(dict.fromkeys([*(i for gallery in self.galleries.values() for i in gallery), *pairs]))

    def path(self, id: str) -> Path:
        """File of a picture.

        Raises ValueError when there is none.
        """
        found = _find(self.root, id)
        if found is None:
            raise ValueError(f"no picture {id!r} in {self.root / 'images'}: looked for {', '.join(SUFFIXES)}")
        return found

    def require_pictures(self) -> None:
        """Raises ValueError with the full list of the missing pictures: none is ever left out silently."""
        missing = [i for i in self.ids if _find(self.root, i) is None]
        if missing:
            count = f"{len(missing)} of {len(self.ids)}"
            raise ValueError(f"{count} pictures are missing in {self.root / 'images'}: {', '.join(missing)}")


def read_fashioniq(
    root: str | Path, split: str, categories: tuple[str, ...] = ("dress", "shirt", "toptee")
) -> Collection:
    """One split of a tree in Fashion-IQ's layout; entries with an empty caption are kept.

    Pictures are not needed to read annotations, except for a picture that a triplet names and no split file lists.
    Raises ValueError naming the file and what is wrong with it.
    """
    root = Path(root)
    if not categories:
        raise ValueError("no category to read; give at least one, such as 'dress'")
    galleries = {c: _gallery(_annotation(root, "image_splits", "split", c, split)) for c in categories}
    listed = {i for gallery in galleries.values() for i in gallery}
    triplets: list[Triplet] = []
    for category in categories:
        path = _annotation(root, "captions", "cap", category, split)
        found = tuple(_triplets(path, category))
        _check_ids(path, found, listed, set(galleries[category]), root, split)
        triplets.extend(found)
    return Collection(root.resolve().name, split, root, tuple(triplets), galleries)


def joined(captions: tuple[str, str]) -> str:
    """The text of an evaluated query, protocol `fiq-std`: "First and second", also when one is empty."""
    first, second = (caption.strip(STRIPPED) for caption in captions)
    return f"{first.capitalize()} and {second}"


def training_texts(captions: tuple[str, str]) -> tuple[str, str, str, str]:
    """ "c1 and c2", "c2 and c1", "c1", "c2", stripped as in `joined` and in their own case.

    An empty caption is left out: the four forms are then the other caption, so that no training text is
    an accident of annotation ("" or " and red").
    """
    first, second = (caption.strip(STRIPPED) for caption in captions)
    if not (first and second):
        only = first or second
        return only, only, only, only
    return f"{first} and {second}", f"{second} and {first}", first, second


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


def _find(root: Path, id: str) -> Path | None:
    folder = root / "images"
    return next((path for suffix in SUFFIXES if (path := folder / f"{id}{suffix}").is_file()), None)


def _annotation(root: Path, folder: str, prefix: str, category: str, split: str) -> Path:
    path = root / folder / f"{prefix}.{category}.{split}.json"
    if not path.is_file():
        there = sorted(p.name for p in (root / folder).glob(f"{prefix}.*.json"))
        raise ValueError(f"{path} not found; there is {', '.join(there) or 'nothing of the kind'}")
    return path


def _list(path: Path) -> list[Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # malformed JSON, or bytes that are not UTF-8
        raise ValueError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path}: expected a list, got {type(entries).__name__}")
    return entries


def _id(value: Any, where: str) -> str:
    """An id becomes part of a file name, so it must stay inside the folder of pictures."""
    if not isinstance(value, str) or not value or "\\" in value or "\0" in value:
        raise ValueError(f"{where}: expected the id of a picture, got {value!r}")
    if value.startswith("/") or ".." in PurePosixPath(value).parts:
        raise ValueError(f"{where}: the id {value!r} leads out of the folder of pictures")
    return value


def _gallery(path: Path) -> tuple[str, ...]:
    ids = [_id(value, f"{path}: entry {n}") for n, value in enumerate(_list(path))]
    if not ids:
        raise ValueError(f"{path}: the gallery is empty")
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = sorted({i for i in ids if i in seen or seen.add(i)})  # type: ignore[func-returns-value]
        raise ValueError(f"{path}: {len(twice)} duplicate ids: {', '.join(twice[:10])}")
    return tuple(ids)


def _triplets(path: Path, category: str) -> Iterator[Triplet]:
    for n, entry in enumerate(_list(path)):
        where = f"{path}: entry {n}"
        if not isinstance(entry, dict):
            raise ValueError(f"{where}: expected an object, got {type(entry).__name__}")
        missing = [key for key in ("candidate", "target", "captions") if key not in entry]
        if missing:
            raise ValueError(f"{where}: missing key {missing[0]!r}")
        captions = entry["captions"]
        if not isinstance(captions, list) or len(captions) != 2 or not all(isinstance(c, str) for c in captions):
            raise ValueError(f"{where}: expected two captions, got {captions!r}")
        reference, target = _id(entry["candidate"], where), _id(entry["target"], where)
        yield Triplet(reference, target, (captions[0], captions[1]), category)


def _check_ids(
    path: Path, triplets: tuple[Triplet, ...], listed: set[str], gallery: set[str], root: Path, split: str
) -> None:
    """An unlisted id must at least be a picture; outside training a target must be findable in its gallery."""
    named = dict.fromkeys(i for t in triplets for i in (t.reference, t.target))
    unknown = [i for i in named if i not in listed and _find(root, i) is None]
    if unknown:
        raise ValueError(f"{path}: {len(unknown)} ids are in no split file and no picture: {', '.join(unknown)}")
    lost = [t.target for t in triplets if t.target not in gallery] if split != "train" else []
    if lost:
        raise ValueError(f"{path}: {len(lost)} targets are not in the gallery that is searched: {', '.join(lost)}")
