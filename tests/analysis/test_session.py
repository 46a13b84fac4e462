from __future__ import annotations

import dataclasses
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from analysis import session
from analysis.session import QueryError, Session
from analysis.sources import TESTS, untrusted
from analysis.store import StudyRecord
from hug.backbones import BACKBONES
from hug.checkpoint import save_model
from hug.config import OBJECTIVES
from hug.evaluate.measurements import Metric
from hug.files import write_json
from hug.model import HUG
from hug.retrieval.index import Index
from tests.hug.conftest import PixelBackbone, noise_pictures, small_model


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(BACKBONES, "pixels", PixelBackbone)
    save_model(small_model(OBJECTIVES["calibrated"], backbone="pixels"), tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n, picture in enumerate(noise_pictures(3)):
        path = tmp_path / "pictures" / f"rack {n % 2}" / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.resize((400, 300)).save(path)
    return tmp_path / "pictures"


def test_an_own_folder_is_encoded_once(
    checkpoint: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Session.load(checkpoint, folder, tmp_path / "cache")
    assert first.index.ids == ["rack 0/0", "rack 0/2", "rack 1/1"]
    assert first.default_k == 3
    assert first.categories == [] and first.category("rack 0/0") == ""
    thumbnails = first.thumbnails
    answered = first.trace(first.picture("rack 0/0"), "red").ranking

    with monkeypatch.context() as patch:
        patch.setattr(HUG, "target", lambda *_: pytest.fail("encoded again"))
        second = Session.load(checkpoint, folder, tmp_path / "cache")
    again = second.trace(second.picture("rack 0/0"), "red").ranking
    assert again.ids == answered.ids and again.distances.equal(answered.distances)

    noise_pictures(1, seed=9)[0].save(folder / "rack 1" / "1.png")
    assert Session.load(checkpoint, folder, tmp_path / "cache").thumbnails != thumbnails


def test_a_damaged_index_is_made_again(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    Session.load(checkpoint, folder, tmp_path / "cache")
    (table,) = (tmp_path / "cache").glob("index-*/gallery.json")
    table.write_text("{")
    assert len(Session.load(checkpoint, folder, tmp_path / "cache").index) == 3


def test_the_checkpoint_s_own_index_serves_its_own_pictures_only(
    checkpoint: Path, folder: Path, tmp_path: Path
) -> None:
    session = Session.load(checkpoint, folder, tmp_path / "cache")
    session.index.save(checkpoint)
    Session.load(checkpoint, folder, tmp_path / "unused")
    assert not (tmp_path / "unused").exists()
    noise_pictures(1, seed=5)[0].save(folder / "more.png")
    assert len(Session.load(checkpoint, folder, tmp_path / "cache").index) == 4


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", ""])
def test_a_missing_or_half_written_checkpoint_is_named(checkpoint: Path, folder: Path, missing: str) -> None:
    (checkpoint / missing).unlink() if missing else shutil.rmtree(checkpoint)
    with pytest.raises(ValueError, match=missing or "no checkpoint folder"):
        Session.load(checkpoint, folder)


def test_an_empty_gallery_is_named_and_broken_pictures_are_listed(
    checkpoint: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no pictures"):
        Session.load(checkpoint, tmp_path / "empty", tmp_path / "cache")
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "other.heic").touch()
    for _ in ("encoded", "read again"):
        session = Session.load(checkpoint, folder, tmp_path / "cache")
        assert len(session.index) == 3 and session.ids() == ["rack 0/0", "rack 0/2", "rack 1/1"]
        assert list(session.left_out) == [str(folder / "other.heic"), str(folder / "broken.png")]
    with pytest.raises(ValueError, match="no gallery at"):
        Session.load(checkpoint, tmp_path / "nowhere.parquet", tmp_path / "cache")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "from 1 to the gallery's size, 12; got 0"),
        ({"k": 13}, "from 1 to the gallery's size, 12; got 13"),
        ({"k": 2.5}, "got 2.5"),
        ({"k": float("inf")}, "got inf"),
        ({"k": float("nan")}, "got nan"),
        ({"k": True}, "got True"),
        ({"k": "3"}, "got 3"),
        ({"category": "hat"}, "no category 'hat'; this gallery has: dress, shirt"),
        ({"category": ["dress"]}, "category must be text, got list"),
        ({"exclude": "nobody"}, "no picture 'nobody'"),
        ({"exclude": "y" * 99}, "no picture '" + "y" * 40 + "…'"),
        ({"ignored": [17]}, "numbered from 1 to 16"),
        ({"ignored": [0]}, "numbered from 1 to 16"),
        ({"ignored": range(1, 17)}, "keep at least one"),
    ],
)
def test_a_bad_search_is_refused_in_one_sentence(session: Session, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError) as caught:
        session.search(**settings)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"), [("x" * 10_000, "10000 characters; at most 400"), (5, "words must be text, got int")]
)
def test_bad_words_are_refused_in_one_sentence(session: Session, words: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        session.trace(session.picture("noise/0"), words)


def test_ignored_components_are_counted_from_one(session: Session) -> None:
    assert session.search(ignored=[2, 16]).components == (0, *range(2, 15))
    assert session.search().components is None


def test_only_a_merge_that_is_not_the_model_s_own_is_asked_for(session: Session) -> None:
    assert session.model.config.fusion == "dynamic"
    assert [session.search(dynamic=d).dynamic for d in (True, False)] == [None, False]


def test_a_session_for_studies_has_the_checkpoint_s_gallery_or_none(checkpoint: Path, folder: Path) -> None:
    bare = Session.load(checkpoint, pictures=False)
    assert bare.stored is None and bare.model.weights_hash
    with pytest.raises(ValueError, match="has no gallery; run `python -m hug index`"):
        _ = bare.index
    Index.build(bare.model, noise_pictures(2), ["a", "b"]).save(checkpoint)
    session = Session.load(checkpoint, pictures=False)
    assert session.index.ids == ["a", "b"] and session.pictures == {}


def test_words_may_be_empty_or_just_long_enough(session: Session) -> None:
    picture = session.picture("noise/0")
    assert session.trace(picture, "").words == ""
    assert session.trace(picture, "  much \n shorter ").words == "much shorter"
    assert len(session.trace(picture, "x" * 400).ranking.ids[0]) == session.default_k == 12


def test_category_and_exclude_narrow_the_ranking(session: Session) -> None:
    shirts = session.trace(session.picture("noise/8"), "red", session.search(12, "shirt", "noise/8"))
    assert sorted(shirts.ranking.ids[0]) == ["noise/10", "noise/11", "noise/7", "noise/9"]
    assert len(shirts.candidates) == 4
    assert session.ids("shirt") == [f"noise/{n}" for n in range(7, 12)]
    assert session.ids() == session.index.ids


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({"category": "dress", "colour": "red"}, "red dress"),
        ({"colour": "red"}, "red"),
        ({"category": ""}, ""),
        ({"sleeve": "long", "degradation": "blur"}, "long sleeves, blurred"),
        ({"brand": "own"}, ""),
    ],
)
def test_any_labels_are_described(session: Session, labels: dict[str, str], says: str) -> None:
    meta = {label: [value] * len(session.index) for label, value in labels.items()}
    other = dataclasses.replace(session, stored=dataclasses.replace(session.index, meta=meta))
    assert other.describe("noise/0") == says
    assert other.categories == ([labels["category"]] if labels.get("category") else [])


def test_a_thumbnail_is_small_and_made_once(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    session = Session.load(checkpoint, folder, tmp_path / "cache")
    path = session.thumbnail("rack 1/1")
    assert path.parent == session.thumbnails
    with Image.open(path) as small:
        assert (small.format, small.size) == ("WEBP", (256, 192))
    made = path.stat().st_mtime_ns
    assert session.thumbnail("rack 1/1").stat().st_mtime_ns == made
    with pytest.raises(QueryError, match="no picture '../../etc/passwd'"):
        session.picture("../../etc/passwd")


def measured(folder: Path, weights: str, split: str = "test", **values: tuple[float, float | None]) -> None:
    """A study with the metrics of some sources, each a value and its lower bound."""
    metrics = tuple(Metric(TESTS[source], value, low) for source, (value, low) in values.items())
    record = StudyRecord(1, weights, "", {"split": split}, "abc", {}, 0.0, "", "no table", metrics)
    write_json(folder / "analysis" / "about.json", {"format": 2, "studies": {"severity": asdict(record)}})


def test_a_source_at_chance_on_the_test_split_is_not_trusted(session: Session, tmp_path: Path) -> None:
    weights = session.model.weights_hash
    measured(tmp_path, weights, r=(0.9, None), t=(0.38, None), m=(0.53, 0.49))
    assert untrusted(tmp_path, session.model) == {"t": 0.38, "m": 0.53}
    measured(tmp_path, weights, m=(0.61, 0.56))
    assert untrusted(tmp_path, session.model) == {}


def test_metrics_of_other_weights_another_split_or_an_older_format_say_nothing(
    session: Session, tmp_path: Path
) -> None:
    assert untrusted(tmp_path, session.model) == {}
    about = tmp_path / "analysis" / "about.json"
    for weights, split in (("0", "test"), (session.model.weights_hash, "val")):
        measured(tmp_path, weights, split, m=(0.5, None))
        assert untrusted(tmp_path, session.model) == {}
    about.write_text('{"format": 1, "weights": "0"}')
    assert untrusted(tmp_path, session.model) == {}
    about.write_text("[")
    with pytest.raises(ValueError, match="python -m analysis measure"):
        untrusted(tmp_path, session.model)


def test_the_bundle_belongs_together_and_is_small(tmp_path: Path) -> None:
    bundle = Session.load(cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()  # the checkpoint's own index is of the bundled pictures
    assert bundle.calibration is not None
    assert bundle.source is not None and bundle.index.ids == bundle.source.ids and bundle.categories
    files = [p for part in ("checkpoints", "assets") for p in (session.ROOT / part).rglob("*") if p.is_file()]
    assert max(p.stat().st_size for p in files) < 10e6
    assert sum(p.stat().st_size for p in files) < 40e6
