"""Eight triplets whose pictures and words are distinct, as features."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from hug.backbones import Backbone
from hug.data.captions import joined, training_texts
from hug.data.collection import Collection, Triplet
from hug.data.features import Features, Pictures, Texts, Views, shortened
from hug.data.truth import MinedReferences
from hug.train.state import Log
from tests.hug.conftest import PixelBackbone, noise_pictures

COLOURS = ("red", "blue", "green", "black", "white", "pink", "grey", "teal")


def features_of(count: int = 8, views: bool = True, backbone: Backbone | None = None) -> Features:
    backbone = backbone or PixelBackbone()
    ids = [f"p{n}" for n in range(2 * count)]
    triplets = tuple(
        Triplet(ids[n], ids[count + n], (f"is {COLOURS[n % 8]}", f"has {n} stripes"), "dress") for n in range(count)
    )
    collection = Collection("small", "train", triplets, {"dress": tuple(ids[count:])}, lambda id: None)
    tokens = backbone.images(noise_pictures(2 * count)).numpy().astype(np.float16)
    forms = [text for t in triplets for text in (*training_texts(t.captions), joined(t.captions))]
    shorter = shortened(forms, 0)
    texts = list(dict.fromkeys([*forms, *shorter.values()]))
    words, stored = backbone.words(texts), np.float16 if backbone.word_kind == "tokens" else np.int32
    pictures = Pictures(tuple(ids), {i: n for n, i in enumerate(ids)}, tokens)
    degraded = None
    if views:
        less, more, removed = (
            backbone.images(noise_pictures(2 * count, s)).numpy().astype(np.float16) for s in (1, 2, 3)
        )
        degraded = Views(less, more, removed, pictures.row, np.arange(2 * count) % 6)
    return Features(
        collection,
        pictures,
        Texts({t: n for n, t in enumerate(texts)}, words.content.numpy().astype(stored), words.mask.numpy()),
        shorter,
        degraded,
        {1: MinedReferences(("p1",), ("p3",)), 4: MinedReferences(("p4", "p5"), ("p0", "p2"))} if views else {},
    )


@pytest.fixture
def features() -> Features:
    return features_of()


def as_first_release(folder: Path) -> None:
    """Make a run folder one of an earlier release: no copy of the best weights, no checksums."""
    with safe_open(folder / "state.safetensors", framework="pt") as file:
        facts = {name: file.metadata()[name] for name in ("step", "best")}
    tensors = {k: v for k, v in load_file(folder / "state.safetensors").items() if not k.startswith("best.")}
    save_file(tensors, folder / "state.safetensors", facts)
    log = Log(folder / "training.jsonl")
    log.path.write_text("".join(f"{json.dumps(record)}\n" for record in log.records()))
