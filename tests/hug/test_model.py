"""The three passes, the bounds of the variance, gradients, and what must not depend on what."""

import dataclasses
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hug.backbones import Reader
from hug.config import OBJECTIVES, SIZES, ModelConfig, ObjectiveConfig
from hug.losses import Criterion
from hug.model import HUG, device_of
from hug.train.batch import (
    DegradedViews,
    MinedPictures,
    RemovedAspects,
    ShortenedTexts,
    TrainBatch,
)
from hug.train.step import compute
from tests.hug.conftest import IdBackbone, PixelBackbone, PretrainedBackbone, noise_pictures, small_model

TEXTS = ["the same but red", "with long sleeves", "", "is more my style today"]


def a_batch(seed: int = 0) -> TrainBatch:
    b, pictures = PixelBackbone(), noise_pictures(16, seed)
    rows = torch.tensor([0, 1])
    return TrainBatch(
        b.images(pictures[:4]),
        b.images(pictures[4:8]),
        b.words(TEXTS),
        torch.eye(4, dtype=torch.bool),
        shift=1,
        degraded=DegradedViews(rows, b.images(pictures[8:10]), b.images(pictures[10:12])),
        removed=RemovedAspects(rows, b.images(pictures[12:14]), torch.tensor([0, 1])),
        shortened=ShortenedTexts(rows, b.words(["the same", "with"])),
        mined=MinedPictures(rows, b.images(pictures[14:16]), None),
        clean=torch.arange(4),
        decorrelation=b.images(pictures[4:8]),
    )


def test_shapes_and_bounds():
    model = small_model(OBJECTIVES["calibrated"]).eval()
    target = model.target(noise_pictures(3))
    query = model.query(noise_pictures(4), TEXTS)
    assert target.mu.shape == target.var.shape == (3, 16, 32) and target.bias.shape == (3,)
    assert query.weights.shape == (4, 3, 16, 32)
    for var in (target.var, query.var_r, query.var_t, query.var_m, query.var):
        assert (var >= torch.tensor(-9.0).exp() * 0.999).all() and (var <= 1).all()


def test_variance_stays_bounded_for_any_input():
    model = small_model(OBJECTIVES["paper"]).eval()
    with torch.no_grad():
        for scale in (0.0, 1e3, -1e3):
            model.g_v.head.bias.fill_(scale)
            var = model.target(noise_pictures(2)).var
            assert torch.isfinite(var).all() and (var > 1e-4).all() and (var <= 1).all()


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("size", SIZES)
def test_every_trainable_parameter_gets_a_gradient(name: str, size: str):
    torch.manual_seed(0)
    model = HUG(SIZES[size], OBJECTIVES[name], PixelBackbone())
    criterion = Criterion(OBJECTIVES[name])
    loss, _ = criterion(compute(model.train(), a_batch(), OBJECTIVES[name]))
    loss.backward()
    for part in (model, criterion):
        for key, value in part.named_parameters():
            if value.requires_grad:
                assert value.grad is not None and value.grad.abs().sum() > 0, f"{key} learns nothing"
            else:
                assert value.grad is None


def test_parts_that_nobody_reads_are_frozen():
    def frozen(objective: ObjectiveConfig) -> set[str]:
        model = small_model(objective)
        return {".".join(k.split(".")[:5]) for k, p in model.named_parameters() if not p.requires_grad}

    last = {"qformer.qformer.encoder.layer.1"}
    assert frozen(OBJECTIVES["calibrated"]) == last and frozen(OBJECTIVES["paper"]) == last


def test_detached_estimators_teach_the_q_former_nothing():
    model = small_model(OBJECTIVES["paper"], detach=True)
    query = model.query_tokens(PixelBackbone().images(noise_pictures(4)), PixelBackbone().words(TEXTS))
    query.var.sum().backward()
    assert all(p.grad is None for p in model.qformer.parameters())
    assert all(p.grad is not None for p in model.g_t.parameters())


def test_blank_text_is_text_fully_masked():
    model = small_model(OBJECTIVES["paper"]).eval()
    former, b = model.qformer, PixelBackbone()
    words = b.words(TEXTS)
    blank = dataclasses.replace(words, mask=torch.zeros_like(words.mask))
    with torch.no_grad():
        pictures = former.project(b.images(noise_pictures(4)))
        torch.testing.assert_close(former.image(pictures), former.joint(pictures, blank))


def test_an_untrained_model_tells_pictures_apart():
    torch.manual_seed(0)
    mu = HUG(SIZES["bundled"], OBJECTIVES["paper"], PixelBackbone()).target(noise_pictures(32)).mu
    assert mu.std(0).mean() > 0.2 * mu.std()  # with the library's start of 0.02 it is far below


def test_padding_changes_nothing():
    model = small_model(OBJECTIVES["paper"]).eval()
    words = PixelBackbone().words(["red dress"])
    loud = dataclasses.replace(words, content=words.content + 100 * (~words.mask)[..., None])
    images = PixelBackbone().images(noise_pictures(1))
    with torch.no_grad():
        a, b = model.query_tokens(images, words), model.query_tokens(images, loud)
    torch.testing.assert_close(a.mu, b.mu)
    torch.testing.assert_close(a.var, b.var)


def test_each_source_depends_on_its_own_input_only():
    model = small_model(OBJECTIVES["paper"]).eval()
    one, other = noise_pictures(2)
    a, b = model.query([one], ["is red"]), model.query([other], ["is red"])
    c = model.query([one], ["is blue"])
    torch.testing.assert_close(a.var_t, b.var_t)
    torch.testing.assert_close(a.var_r, c.var_r)
    assert not torch.allclose(a.var_r, b.var_r) and not torch.allclose(a.var_t, c.var_t)
    assert not torch.allclose(a.var_m, b.var_m) and not torch.allclose(a.var_m, c.var_m)
    assert not torch.allclose(a.mu, b.mu) and not torch.allclose(a.mu, c.mu)


def test_the_reference_is_judged_as_a_target_is():
    model = small_model(OBJECTIVES["paper"]).eval()
    picture = noise_pictures(1)
    torch.testing.assert_close(model.query(picture, ["x"]).var_r, model.target(picture).var)


def test_text_variance_differs_between_components():
    model = small_model(OBJECTIVES["paper"]).eval()
    var_t = model.query(noise_pictures(1), ["is red"]).var_t[0]  # (K, D)
    assert torch.cdist(var_t, var_t).fill_diagonal_(1).min() > 1e-5


def test_words_alone_keep_the_queries_own_feed_forward():
    model = small_model(OBJECTIVES["paper"]).eval()
    former, words = model.qformer, PixelBackbone().words(TEXTS)
    with torch.no_grad():
        before = former.words(words)
        former.qformer.encoder.layer[-1].output_query.dense.weight.mul_(2)
        assert not torch.allclose(before, former.words(words))
        after = former.words(words)
        former.qformer.encoder.layer[-1].output.dense.weight.mul_(2)
        torch.testing.assert_close(after, former.words(words))


def test_batches_equal_one_by_one():
    model = small_model(OBJECTIVES["calibrated"]).eval()
    pictures = noise_pictures(4)
    whole = model.query(pictures, TEXTS)
    for n in range(4):
        torch.testing.assert_close(model.query([pictures[n]], [TEXTS[n]]).mu[0], whole.mu[n], rtol=1e-4, atol=1e-5)


def test_asking_leaves_the_training_mode_and_no_graph():
    model = small_model(OBJECTIVES["paper"]).train()
    assert not model.target(noise_pictures(1)).mu.requires_grad and model.training


def test_paper_has_no_candidate_bias():
    model = small_model(OBJECTIVES["paper"]).eval()
    assert model.bias is None and torch.equal(model.target(noise_pictures(3)).bias, torch.zeros(3))


def test_static_fusion_shares_equally():
    model = small_model(OBJECTIVES["paper"], fusion="static").eval()
    assert torch.allclose(model.query(noise_pictures(1), ["x"]).weights, torch.tensor(1 / 3))


@pytest.mark.parametrize(
    ("changes", "says"), [({"components": 1}, "greater than or equal to 2"), ({"heads": 3}, "multiple of heads")]
)
def test_impossible_sizes_are_refused(changes: dict, says: str):
    with pytest.raises(ValueError, match=says):
        ModelConfig(**changes)


def test_pictures_and_sentences_must_pair():
    with pytest.raises(ValueError, match="2 pictures and 1 sentences"):
        small_model(OBJECTIVES["paper"]).query(noise_pictures(2), ["x"])


def test_the_weights_name_themselves():
    a, b = small_model(OBJECTIVES["paper"]), small_model(OBJECTIVES["paper"])
    assert a.weights_hash == b.weights_hash
    with torch.no_grad():
        b.mean.bias[0] += 1
    assert a.weights_hash != b.weights_hash


def test_the_weights_are_hashed_again_only_after_they_changed(monkeypatch: pytest.MonkeyPatch):
    model, counted = small_model(OBJECTIVES["paper"]), Counter[str]()
    sha256 = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda: counted.update(["hash"]) or sha256())
    first = model.weights_hash
    assert model.weights_hash == first and counted["hash"] == 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model.query(noise_pictures(1), ["is red"])
    assert model.weights_hash == first and counted["hash"] == 1
    for value in model.parameters():
        value.grad = torch.ones_like(value)
    optimizer.step()
    stepped = model.weights_hash
    model.load_state_dict(small_model(OBJECTIVES["paper"]).state_dict())
    assert stepped != first == model.weights_hash and counted["hash"] == 3


READERS = [IdBackbone, PretrainedBackbone]


@pytest.mark.parametrize("kind", READERS)
def test_words_as_ids_are_embedded_by_the_reader(kind: type):
    model = small_model(OBJECTIVES["calibrated"], kind()).eval()
    a, b = (model.query(noise_pictures(1), [text]) for text in ("is red", "is blue"))
    assert not torch.allclose(a.mu, b.mu) and torch.equal(a.var_r, b.var_r)
    both = model.query(noise_pictures(1) * 2, ["is red", "is blue with very long sleeves"])
    torch.testing.assert_close(both.mu[:1], a.mu, rtol=1e-4, atol=1e-5)  # padding changes nothing


def test_a_pretrained_reader_brings_its_shape_and_its_weights():
    backbone = PretrainedBackbone()
    model = small_model(OBJECTIVES["paper"], backbone).eval()
    config = model.config
    assert (config.components, config.hidden, config.layers, config.heads) == (5, 24, 4, 3)
    assert (config.intermediate, config.cross_attention_frequency, config.dim) == (40, 2, 32)
    reader, images, words = backbone.reader(), backbone.images(noise_pictures(2)), backbone.words(["is red", "x y z"])
    x = reader.embeddings(words.content, query_embeds=reader.queries.expand(2, -1, -1))
    mask = torch.cat([torch.ones(2, 5, dtype=torch.bool), words.mask], dim=1)
    with torch.no_grad():
        expected = reader.qformer.eval()(x, 5, mask, images).last_hidden_state[:, :5]
        torch.testing.assert_close(model.qformer.joint(images, words), expected)
        plain = reader.qformer(reader.queries.expand(2, -1, -1), encoder_hidden_states=images).last_hidden_state
        torch.testing.assert_close(model.qformer.image(model.qformer.project(images)), plain)


@pytest.mark.parametrize("kind", READERS)
def test_two_models_do_not_share_a_reader(kind: type):
    a, b = (small_model(OBJECTIVES["paper"], backbone) for backbone in [kind()] * 2)
    with torch.no_grad():
        next(a.qformer.text.parameters()).add_(1)
    assert a.weights_hash != b.weights_hash


def test_ids_without_embeddings_are_refused():
    class Bare(IdBackbone):
        def reader(self) -> Reader:
            return Reader()

    with pytest.raises(ValueError, match="word ids and no embeddings"):
        small_model(OBJECTIVES["paper"], Bare())


def test_the_reader_s_shape_is_configured():
    model = small_model(OBJECTIVES["paper"], layers=3, intermediate=48, cross_attention_frequency=2)
    layers = model.qformer.qformer.encoder.layer
    assert [layer.has_cross_attention for layer in layers] == [True, False, True]
    assert {layer.intermediate_query.dense.out_features for layer in layers} == {48}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_inputs_follow_the_model_to_its_device(name: str, monkeypatch: pytest.MonkeyPatch):
    """The meta device computes shapes only, and refuses any tensor that stayed on the CPU."""
    look = "transformers.masking_utils._ignore_bidirectional_mask_sdpa"  # at a mask's values, which meta doesn't have
    monkeypatch.setattr(look, lambda *_, **__: False)
    objective = OBJECTIVES[name]
    model, backbone = small_model(objective).to("meta"), PixelBackbone()
    query = model.query_tokens(backbone.images(noise_pictures(4)), backbone.words(TEXTS))
    target = model.target_tokens(backbone.images(noise_pictures(3)))
    out = compute(model, a_batch(), objective)
    assert model.device == torch.device("meta") and out.matches.device == model.device
    for part in (query, target, out.query, out.target):
        assert all(value.device == model.device for value in vars(part).values() if value is not None)
    assert query.mu.shape == (4, 16, 32) and target.bias.shape == (3,)


def test_a_device_is_named_or_refused():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("cuda:99", "abacus"):
        with pytest.raises(ValueError, match=f"there is no device '{name}' here"):
            device_of(name)


@pytest.mark.parametrize(
    ("images", "words", "message"),
    [
        ([], [], "no picture: give at least one"),
        ("a.jpg", ["red"], "give a list of pictures, such as .picture.; got one str"),
        (noise_pictures(1)[0], ["red"], "give a list of pictures"),
        (["a.jpg"], ["red"], "a picture is a PIL image, a Path or the bytes of a file; got str 'a.jpg'"),
        ([np.zeros((2, 2, 3))], ["red"], "got ndarray"),
        ([Path("nowhere.jpg")], ["red"], "nowhere.jpg can't be opened"),
        (noise_pictures(1), "red", "as a list of texts, one a picture"),
        (noise_pictures(1), [None], "as a list of texts"),
        (noise_pictures(2), ["red"], "got 2 pictures and 1 sentences"),
    ],
)
def test_what_can_t_be_asked_is_told_in_a_sentence(images: Any, words: Any, message: str) -> None:
    model = small_model(OBJECTIVES["calibrated"])
    with pytest.raises(ValueError, match=message):
        model.query(images, words)
    if "texts" not in message and "sentences" not in message:
        with pytest.raises(ValueError, match=message):
            model.target(images)


def test_files_are_opened_like_pictures(tmp_path: Path) -> None:
    model, picture = small_model(OBJECTIVES["calibrated"]), noise_pictures(1)[0]
    picture.save(tmp_path / "a.png")
    files = [tmp_path / "a.png", (tmp_path / "a.png").read_bytes()]
    assert torch.equal(model.target(files).mu, model.target([picture, picture]).mu)
    assert torch.equal(model.query(files, ["red", ""]).mu, model.query([picture, picture], ["red", ""]).mu)


def test_a_picture_without_pixels_or_cut_off_is_named_by_its_place(tmp_path: Path):
    model, whole = small_model(OBJECTIVES["paper"]), noise_pictures(1)[0]
    whole.resize((64, 64)).save(tmp_path / "cut.jpg")
    content = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    with Image.open(tmp_path / "cut.jpg") as cut:
        for bad, reason in ((Image.new("RGB", (0, 0)), "no pixels"), (cut, "cut off")):
            with pytest.raises(ValueError, match=f"picture 1 of the list .*{reason}"):
                model.target([whole, bad])
            with pytest.raises(ValueError, match=f"picture 1 of the list .*{reason}"):
                model.query([whole, bad], ["", ""])
