"""A gallery encoded into a folder: what is known is not encoded again, and identity is content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from hug.__main__ import main
from hug.config import OBJECTIVES
from hug.model import HUG
from hug.retrieval import encode as module
from hug.retrieval.encode import PARTS, Encoding, encode
from hug.retrieval.gallery import GallerySource, read_gallery
from hug.retrieval.index import Index
from tests.hug.conftest import noise_pictures, small_model

MODEL = small_model(OBJECTIVES["calibrated"]).eval()
OTHER = small_model(OBJECTIVES["paper"]).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for n, picture in enumerate(noise_pictures(10)):
        picture.save(tmp_path / "photos" / f"{n:04d}.png")
    return tmp_path / "photos"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Pictures in each call of the model."""
    sizes: list[int] = []
    target = HUG.target
    monkeypatch.setattr(HUG, "target", lambda self, images: sizes.append(len(images)) or target(self, images))
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "PART", 4)
    yield sizes


def run(source: GallerySource, out: Path, model: HUG = MODEL) -> Encoding:
    return encode(model, source.pictures.sources, source.ids, source.meta, source.contents, out, progress=False)


def same(index: Index, source: GallerySource) -> None:
    """It holds what encoding everything anew would hold."""
    fresh = Index.build(MODEL, source.pictures.sources, source.ids)
    assert (index.ids, index.contents) == (fresh.ids, fresh.contents) == (source.ids, source.contents)
    torch.testing.assert_close(index.gaussians.mu.float(), fresh.gaussians.mu, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(index.gaussians.overall, fresh.gaussians.overall, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(index.gaussians.bias, fresh.gaussians.bias, rtol=1e-3, atol=1e-5)


def test_new_pictures_alone_are_encoded(folder: Path, tmp_path: Path, seen: list[int]):
    first = run(read_gallery(folder), tmp_path / "out")
    assert (first.encoded, first.reused, first.copies, sum(seen)) == (10, 0, 0, 10)
    (folder / "0003.png").unlink()
    (folder / "0007.png").rename(folder / "a name of its own.png")
    noise_pictures(1, seed=5)[0].save(folder / "later.png")
    seen.clear()
    second = run(read_gallery(folder), tmp_path / "out")
    assert (second.encoded, second.reused, sum(seen)) == (1, 9, 1)
    same(Index.load(tmp_path / "out"), read_gallery(folder))
    seen.clear()
    before = (tmp_path / "out" / "gallery.safetensors").stat().st_mtime_ns
    assert run(read_gallery(folder), tmp_path / "out").encoded == 0 and not seen
    assert (tmp_path / "out" / "gallery.safetensors").stat().st_mtime_ns == before  # nothing to write


def test_another_picture_of_the_same_name_size_and_time_is_noticed(folder: Path, tmp_path: Path):
    out, path = tmp_path / "out", folder / "0001.png"
    run(read_gallery(folder), out)
    other, facts = folder / "0002.png", path.stat()
    content = other.read_bytes()
    path.write_bytes(content + b"\0" * (facts.st_size - len(content)))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert run(read_gallery(folder), out).encoded == (content != path.read_bytes())
    same(Index.load(out), read_gallery(folder))


def test_two_files_that_change_places_change_places(folder: Path, tmp_path: Path, seen: list[int]):
    run(read_gallery(folder), tmp_path / "out")
    one, two = (folder / f"000{n}.png" for n in (1, 2))
    one.rename(folder / "third")
    two.rename(one)
    (folder / "third").rename(two)
    seen.clear()
    run(read_gallery(folder), tmp_path / "out")
    assert not seen
    same(Index.load(tmp_path / "out"), read_gallery(folder))


def test_copies_are_encoded_once_and_all_found(folder: Path, tmp_path: Path, seen: list[int]):
    for n in range(5):
        (folder / f"copy {n}.png").write_bytes((folder / "0004.png").read_bytes())
    made = run(read_gallery(folder), tmp_path / "out")
    assert (made.encoded, made.copies, len(made.index), sum(seen)) == (10, 5, 15, 10)
    query = MODEL.target([Image.open(folder / "0004.png")])
    ranking = Index.load(tmp_path / "out").search(query, 15)
    names = ["0004", *(f"copy {n}" for n in range(5))]
    assert [name for name in ranking.ids[0] if name in names] == names  # equally far, so in the gallery's order
    assert len({float(d) for n, d in zip(ranking.ids[0], ranking.distances[0], strict=True) if n in names}) == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_a_stop_loses_nothing(
    folder: Path, tmp_path: Path, seen: list[int], monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
):
    target = HUG.target

    def interrupted(self: HUG, images: list) -> object:
        if len(seen) == 3:
            raise stop
        return target(self, images)

    with monkeypatch.context() as patch, pytest.raises(stop):
        patch.setattr(HUG, "target", interrupted)
        run(read_gallery(folder), tmp_path / "out")
    assert len(list((tmp_path / "out" / PARTS).iterdir())) == 2 and sum(seen) == 6
    seen.clear()
    made = run(read_gallery(folder), tmp_path / "out")
    assert (made.encoded, made.reused, sum(seen)) == (4, 6, 4)
    same(Index.load(tmp_path / "out"), read_gallery(folder))
    assert not (tmp_path / "out" / PARTS).exists()


def test_what_other_weights_left_is_not_taken(folder: Path, tmp_path: Path, seen: list[int]):
    run(read_gallery(folder), tmp_path / "out", OTHER)
    seen.clear()
    assert run(read_gallery(folder), tmp_path / "out").encoded == 10 and sum(seen) == 10
    same(Index.load(tmp_path / "out"), read_gallery(folder))


@pytest.mark.parametrize("content", [b"no tensors", None])
def test_a_damaged_part_costs_that_part(folder: Path, tmp_path: Path, monkeypatch, content: bytes | None):
    monkeypatch.setattr(module, "PART", 3)
    monkeypatch.setattr(module, "BATCH", 3)
    monkeypatch.setattr(Index, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(read_gallery(folder), tmp_path / "out")
    monkeypatch.undo()
    part = sorted((tmp_path / "out" / PARTS).iterdir())[0]
    part.write_bytes(part.read_bytes()[:-8] if content is None else content)
    made = run(read_gallery(folder), tmp_path / "out")
    assert made.encoded in (1, 3) and made.encoded + made.reused == 10  # the last part has one picture
    same(Index.load(tmp_path / "out"), read_gallery(folder))


def test_labels_changed_alone_cost_no_encoding(tmp_path: Path, folder: Path, seen: list[int]):
    plain = read_gallery(folder)
    for colour in ("red", "blue"):
        run(GallerySource(plain.ids, plain.pictures, {"colour": [colour] * 10}), tmp_path / "out")
        assert Index.load(tmp_path / "out").meta == {"colour": [colour] * 10}
    assert sum(seen) == 10


# ---- an index that is found beside a checkpoint ----


def stored(folder: Path, tmp_path: Path, contents: bool) -> Path:
    source = read_gallery(folder)
    index = Index.build(MODEL, source.pictures.sources, source.ids, {"colour": ["red"] * len(source.ids)})
    replace(index, contents=index.contents if contents else []).save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


@pytest.mark.parametrize("contents", [True, False])
def test_a_checkpoint_s_index_serves_the_pictures_it_was_made_of(folder: Path, tmp_path: Path, contents: bool):
    checkpoint, source = stored(folder, tmp_path, contents), read_gallery(folder)
    assert source.index(MODEL, checkpoint, tmp_path / "cache").meta == {}  # labels are the gallery's
    labelled = GallerySource(source.ids, source.pictures, {"colour": ["blue"] * 10})
    assert labelled.index(MODEL, checkpoint, tmp_path / "cache").meta == {"colour": ["blue"] * 10}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("contents", [True, False])
def test_other_pictures_under_the_same_names_are_not_answered_by_old_vectors(
    folder: Path, tmp_path: Path, contents: bool
):
    checkpoint = stored(folder, tmp_path, contents)
    for n, picture in enumerate(noise_pictures(10, seed=3)):
        picture.save(folder / f"{n:04d}.png")
    index = read_gallery(folder).index(MODEL, checkpoint, tmp_path / "cache")
    same(index, read_gallery(folder))


def test_a_gallery_that_grew_is_encoded_where_it_grew(folder: Path, tmp_path: Path, seen: list[int]):
    checkpoint = stored(folder, tmp_path, True)
    noise_pictures(1, seed=5)[0].save(folder / "later.png")
    seen.clear()
    same(read_gallery(folder).index(MODEL, checkpoint, tmp_path / "cache"), read_gallery(folder))
    assert seen[0] == 1
    noise_pictures(1, seed=6)[0].save(folder / "later still.png")
    seen.clear()
    read_gallery(folder).index(MODEL, tmp_path / "no checkpoint", tmp_path / "cache")
    assert sum(seen) == 1


# ---- the command ----


def test_the_command_stops_with_a_sentence_and_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("hug.checkpoint.load", lambda *_, **__: MODEL)
    monkeypatch.setattr(module, "BATCH", 4)
    target, calls = HUG.target, []

    def interrupted(self: HUG, images: list) -> object:
        calls.append(len(images))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return target(self, images)

    command = f"index --checkpoint c --gallery {folder} --out {tmp_path}/out".split()
    with monkeypatch.context() as patch:
        patch.setattr(HUG, "target", interrupted)
        assert main(command) == 130
    error = capsys.readouterr().err
    assert "stopped; what was encoded lies in" in error and "Traceback" not in error
    (folder / "bad.png").write_text("no picture")
    assert main(command) == 0
    out, error = capsys.readouterr()
    assert "6 encoded, 4 known from before, 0 copies" in out and "10 pictures indexed" in out
    assert "left out (1):" in error and "bad.png" in error
