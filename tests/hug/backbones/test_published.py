"""Where a published model comes from, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from hug.backbones import BackboneError, Name, load_backbone
from tests.towers import COMMIT, KINDS, on_the_hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of downloads, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("embedded", ("embedded", "", "")),
        ("clip:openai/clip-vit-base-patch32", ("clip", "openai/clip-vit-base-patch32", "")),
        ("blip2:Salesforce/blip2-itm-vit-g@v1.0", ("blip2", "Salesforce/blip2-itm-vit-g", "v1.0")),
        ("clip:/data/me@home/clip", ("clip", "/data/me@home/clip", "")),
        ("clip:C:/clip", ("clip", "C:/clip", "")),
    ],
)
def test_a_name_has_three_parts(name: str, parts: tuple[str, str, str]):
    assert Name.parse(name) == parts and str(Name.parse(name)) == name


@pytest.mark.parametrize("kind", KINDS)
def test_a_hub_model_is_its_folder_under_its_own_name(folders: dict[str, Path], hub: Path, kind: str):
    on_the_hub(folders[kind], hub, "someone/tiny")
    at_main, at_commit = (load_backbone(f"{kind}:someone/tiny{at}") for at in ("", f"@{COMMIT}"))
    local = load_backbone(f"{kind}:{folders[kind]}")
    assert at_main.name == at_commit.name == f"{kind}:someone/tiny"  # no 40-digit commit
    assert (at_main.revision, at_commit.revision, local.revision) == (COMMIT, COMMIT, "")
    assert at_main.fingerprint == at_commit.fingerprint == local.fingerprint
    load_backbone.cache_clear()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("clip:nowhere", "there is no folder nowhere; give a folder or a Hub id"),
        ("clip:./runs/clpi", "there is no folder ./runs/clpi"),
        ("clip:runs/clpi", "there is no folder runs/clpi; give a folder or a Hub id"),
        ("clip:mine/clpi", "there is no folder mine/clpi, and the Hub gave no model mine/clpi .*without a network"),
        ("siglip:some/one@v2", "no model some/one at v2 .*without a network"),
        ("clip:a b/c", "no model a b/c"),
        ("clip:{clip}@main", "is a folder, which has no revision 'main'"),
        ("clip:{blip2}", "is a model of type 'blip-2'; clip reads clip alone"),
        ("blip2:{siglip}", "is a model of type 'siglip'; blip2 reads blip-2 alone"),
        ("clip:{empty}", "holds no config.json"),
    ],
)
def test_what_is_not_there_is_one_sentence(folders: dict[str, Path], hub: Path, tmp_path: Path, name: str, says: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackboneError, match=says) as refusal:
        load_backbone(name.format(**folders, empty=tmp_path / "empty"))
    assert "\n" not in str(refusal.value)


def broken(folder: Path, where: Path) -> Path:
    return shutil.copytree(folder, where / "broken")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("model.safetensors", None, r"holds no \*.safetensors"),
        ("model.safetensors", b"\0" * 100, "can't be loaded"),
        ("config.json", b"{", "config.json can't be read"),
        ("config.json", b"[]", "config.json can't be read"),
        ("preprocessor_config.json", None, "image processor can't be read"),
        ("tokenizer_config.json", b"{", "tokenizer can't be read"),
    ],
)
def test_damaged_files_are_one_sentence(
    folders: dict[str, Path], tmp_path: Path, kind: str, file: str, content: bytes | None, says: str
):
    folder = broken(folders[kind], tmp_path)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(BackboneError, match=says) as refusal:
        load_backbone(f"{kind}:{folder}")
    assert "\n" not in str(refusal.value)


def test_a_model_without_some_of_its_weights_is_refused(folders: dict[str, Path], tmp_path: Path):
    """Newly made weights in their place would pass for trained ones."""
    folder = broken(folders["clip"], tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"]["num_hidden_layers"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BackboneError, match="lacks .* of the weights that CLIPModel needs"):
        load_backbone(f"clip:{folder}")


def test_a_q_former_without_words_is_refused(folders: dict[str, Path], tmp_path: Path):
    folder = broken(folders["blip2"], tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["qformer_config"]["use_qformer_text_input"] = False
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BackboneError, match="reads no words; take one for retrieval"):
        load_backbone(f"blip2:{folder}")


def test_a_folder_is_kept_from_where_it_was_given(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folders["clip"].parent)
    assert load_backbone("clip:./clip").name == f"clip:{folders['clip']}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_fingerprint_follows_the_files(folders: dict[str, Path], tmp_path: Path, kind: str):
    before, folder = load_backbone(f"{kind}:{folders[kind]}"), broken(folders[kind], tmp_path)
    config = json.loads((folder / "preprocessor_config.json").read_text())
    config["image_mean"] = [0.4, 0.4, 0.4]
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    assert load_backbone(f"{kind}:{folder}").fingerprint != before.fingerprint
