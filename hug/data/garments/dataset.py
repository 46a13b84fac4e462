"""Write the generated data to disk in Fashion-IQ's layout, with the truth beside it, and check what was written."""

import hashlib
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hug.data.corruptions import TRAINED, corrupt
from hug.data.garments.attributes import ASPECTS, CATEGORIES, Garment, Spec
from hug.data.garments.drawing import draw
from hug.data.garments.recipes import FIRST, RECIPES, SPLITS, Recipe
from hug.data.garments.sampling import Quality, Triplet, distances, foreign, gallery, triplets
from hug.files import replacing, write_json, write_parquet

QUALITY = 92  # of pictures stored as JPEG
DEGRADED = 0.20  # share of the images with a fault
UNFINISHED = "building.json"


@dataclass(frozen=True)
class Sizes:
    """Images and triplets of one category, in the order train, val, test."""

    images: tuple[int, int, int]
    triplets: tuple[int, int, int]


SIZES: dict[str, Sizes] = {
    "tiny": Sizes((40, 30, 30), (60, 30, 30)),
    "garments-0": Sizes((800, 300, 600), (2000, 600, 600)),
    "garments-1": Sizes((3000, 1000, 1000), (6000, 2000, 2000)),
    "garments-2": Sizes((3000, 1000, 1000), (6000, 2000, 2000)),
    "outline-1": Sizes((0, 400, 400), (0, 1000, 1000)),
}


@dataclass(frozen=True)
class Part:
    """One category of one split: ids, pictures and faults in gallery order, and its triplets."""

    category: str
    split: str
    ids: tuple[str, ...]
    specs: tuple[Spec, ...]
    quality: tuple[Quality, ...]
    triplets: tuple[Triplet, ...]


def build(
    out: Path, sizes: Sizes, seed: int, version: str, progress: bool = True, workers: int = 1, recipe: str = FIRST
) -> Path:
    """Write pictures, captions, splits and truth under `out` by a recipe of `RECIPES`; returns `out`.

    An interrupted build continues; a finished one of the same version, seed and sizes is left alone. Raises ValueError
    when the folder holds another one, or more than two workers are asked for.
    """
    if workers not in (1, 2):
        raise ValueError(f"{workers} workers asked for; use 1 or 2")
    out = Path(out)
    head = {"version": version, "seed": seed, "sizes": json.loads(json.dumps(asdict(sizes)))}
    if recipe != FIRST:
        head["recipe"] = recipe
    if _finished(out, head):
        return out
    write_json(out / UNFINISHED, head)
    parts = [plan(category, split, sizes, seed, recipe) for split in SPLITS for category in CATEGORIES]
    hashes = _draw(out, parts, progress, workers, RECIPES[recipe].suffix)
    _annotate(out, parts, hashes)
    write_json(out / "version.json", {**head, "sha256": _digest(out)})
    (out / UNFINISHED).unlink()
    return out


def verify(folder: Path) -> list[str]:
    """What is wrong with a built folder, one sentence each; empty when all is as written.

    Pictures are compared by their pixels, tables by their rows. Raises ValueError without a readable `version.json`.
    """
    folder = Path(folder)
    head = _read_head(folder / "version.json")
    if head is None or "sha256" not in head:
        raise ValueError(f"{folder} holds no finished data set: version.json is missing; run build on it")
    suffix = recipe_of(folder).suffix
    try:
        table = pd.read_parquet(folder / "truth/images.parquet")
        faults = [] if _digest(folder) == head["sha256"] else ["the annotations differ from the hash in version.json"]
    except (OSError, ValueError) as error:
        return [f"the annotations can't be read: {error}"]
    for name, expected in zip(table["id"], table["sha256"], strict=True):
        if _pixels_hash(folder / "images" / f"{name}{suffix}") != expected:
            faults.append(f"picture {name} is missing or has changed")
    return faults


def recipe_of(folder: Path) -> Recipe:
    """The recipe that a folder was built by. Raises ValueError for one that is not known."""
    head = _read_head(folder / "version.json") or {}
    name = str(head.get("recipe", FIRST))
    if name not in RECIPES:
        raise ValueError(f"{folder} was made by {name!r}, which this version of hug doesn't know; update hug")
    return RECIPES[name]


def plan(category: str, split: str, sizes: Sizes, seed: int, recipe: str = FIRST) -> Part:
    """All decisions about one category of one split; its random numbers depend on nothing else."""
    which = SPLITS.index(split)
    if not sizes.images[which]:
        return Part(category, split, (), (), (), ())
    streams = np.random.SeedSequence([seed, which, CATEGORIES.index(category)]).spawn(3)
    shapes, looks, texts = (np.random.default_rng(stream) for stream in streams)
    count = sizes.images[which]
    own = RECIPES[recipe]
    rules = own.rules(split)
    garments = gallery(category, count, shapes, rules)
    specs = tuple(own.dress_up(garment, looks) for garment in garments)
    quality = _qualities(count, looks)
    entries = triplets(garments, quality, sizes.triplets[which], texts, rules)
    ids = tuple(f"{category}-{split}-{i:05d}" for i in range(count))
    return Part(category, split, ids, specs, tuple(quality), tuple(entries))


def _qualities(count: int, rng: np.random.Generator) -> list[Quality]:
    """Exactly a fifth of the images with a fault, kinds and severities in equal shares, in random order."""
    number = round(count * DEGRADED)
    faults: list[Quality] = [(TRAINED[i % len(TRAINED)], 1 + (i // len(TRAINED)) % 5) for i in range(number)]
    everything: list[Quality] = faults + [("none", 0)] * (count - number)
    return [everything[i] for i in rng.permutation(count)]


def _finished(out: Path, head: dict[str, Any]) -> bool:
    """True for a finished folder of the same build; raises ValueError when it belongs to another one."""
    for name in ("version.json", UNFINISHED):
        existing = _read_head(out / name)
        if existing is not None and {key: existing.get(key) for key in head} != head:
            raise ValueError(
                f"{out} holds {existing.get('version')!r} of seed {existing.get('seed')}, or other sizes than asked"
                f" for ({head['version']!r}, seed {head['seed']}); choose another folder or remove it"
            )
    return (out / "version.json").exists()


def _read_head(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        head = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); remove the folder and build again") from error
    return head if isinstance(head, dict) else None


# pictures


def _draw(out: Path, parts: list[Part], progress: bool, workers: int, suffix: str) -> dict[str, str]:
    """Draw what is missing; id -> hash of the pixels of every picture."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    jobs = [
        (str(out / "images" / f"{name}{suffix}"), spec, quality)
        for part in parts
        for name, spec, quality in zip(part.ids, part.specs, part.quality, strict=True)
    ]
    hashes: dict[str, str] = {}
    with ProcessPoolExecutor(workers) as pool:  # it starts a process only once it has something to do
        run = map if workers == 1 else partial(pool.map, chunksize=32)
        for i, (path, digest) in enumerate(run(_picture, jobs), 1):
            hashes[Path(path).stem] = digest
            if progress and (i % 200 == 0 or i == len(jobs)):
                sys.stderr.write(f"\rdrawing {i} of {len(jobs)}" + ("\n" if i == len(jobs) else ""))
    return hashes


def _picture(job: tuple[str, Spec, Quality]) -> tuple[str, str]:
    """Draw one picture unless it is there and readable; its path and the hash of its pixels."""
    path, spec, (kind, severity) = Path(job[0]), job[1], job[2]
    digest = _pixels_hash(path)
    if digest is None:
        picture = draw(spec).picture
        if severity:
            picture = corrupt(picture, kind, severity, spec.seed)
        with replacing(path) as temporary:
            if path.suffix == ".png":
                picture.save(temporary, "PNG", compress_level=3)
            else:
                picture.save(temporary, "JPEG", quality=QUALITY, subsampling=0)
        digest = _pixels_hash(path)
    return str(path), str(digest)


def _pixels_hash(path: Path) -> str | None:
    """Hash of a picture's RGB pixels, or None when it is missing or can't be read."""
    try:
        with Image.open(path) as picture:
            return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()
    except OSError:
        return None


# annotations


def _annotate(out: Path, parts: list[Part], hashes: dict[str, str]) -> None:
    for part in parts:
        tag = f"{part.category}.{part.split}.json"
        entries = [
            {"target": part.ids[t.target], "candidate": part.ids[t.candidate], "captions": _two(t.wording.captions)}
            for t in part.triplets
        ]
        write_json(out / "captions" / f"cap.{tag}", entries)
        write_json(out / "image_splits" / f"split.{tag}", part.ids)
    images = [row for part in parts for row in _image_rows(part, hashes)]
    write_parquet(out / "truth/images.parquet", pd.DataFrame(images))
    write_parquet(out / "truth/triplets.parquet", pd.DataFrame([row for part in parts for row in _triplet_rows(part)]))
    pairs = [pair for part in parts if part.split != "train" for pair in coordination(part)]
    write_json(out / "truth/coordination.json", pairs)


def _two(captions: tuple[str, ...]) -> tuple[str, str]:
    """Fashion-IQ's layout has two captions: of a single one the second is empty."""
    return captions[0], captions[1] if len(captions) > 1 else ""


def _image_rows(part: Part, hashes: dict[str, str]) -> Iterator[dict[str, Any]]:
    for name, spec, (kind, severity) in zip(part.ids, part.specs, part.quality, strict=True):
        values = {aspect: spec.garment.value(aspect) for aspect in ASPECTS}
        row = {"id": name, "category": part.category, "split": part.split, **values, "degradation": kind}
        yield {**row, "severity": severity, "spec": spec.to_json(), "sha256": hashes[name]}


def _triplet_rows(part: Part) -> Iterator[dict[str, Any]]:
    for row, t in enumerate(part.triplets):
        yield {
            "category": part.category,
            "split": part.split,
            "row": row,
            "kind": t.kind,
            "changed": list(t.changed),
            "n_changed": len(t.changed),
            "clean": part.quality[t.candidate][1] == 0 and part.quality[t.target][1] == 0,
            "fits": part.ids[t.fits],
            "says": json.dumps(t.wording.says, sort_keys=True),
            "needs": json.dumps(t.wording.needs, sort_keys=True),
        }


def coordination(part: Part) -> list[dict[str, Any]]:
    """Each presupposing text once with a reference it fits and once with an equally clean one that lacks it all."""
    garments: list[Garment] = [spec.garment for spec in part.specs]
    apart = distances(garments)
    rng = np.random.default_rng([CATEGORIES.index(part.category), SPLITS.index(part.split), len(part.ids)])
    pairs = []
    for t in part.triplets:
        if not t.wording.needs:
            continue
        other = foreign(garments, part.quality, apart, t.fits, t.target, t.wording.needs, rng)
        lacking = t.candidate if t.kind == "conflict" else other
        if lacking is not None:
            captions = list(t.wording.captions)
            names = {"fits": part.ids[t.fits], "lacks": part.ids[lacking]}
            pairs.append({"category": part.category, "split": part.split, "captions": captions, **names})
    return pairs


def _digest(folder: Path) -> str:
    """SHA-256 over the contents of all annotations; the pictures enter by their hashes in the table of images."""
    digest = hashlib.sha256()
    for path in sorted(p for kind in ("captions", "image_splits", "truth") for p in (folder / kind).glob("[!.]*")):
        if path.suffix == ".parquet":
            content = pd.read_parquet(path).to_json(orient="records")
        else:
            content = json.dumps(json.loads(path.read_text("utf-8")), sort_keys=True)
        digest.update(f"{path.relative_to(folder).as_posix()}\n{content}\n".encode())
    return digest.hexdigest()
