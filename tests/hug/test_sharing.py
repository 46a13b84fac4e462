"""Models on the Hub, with a folder in place of the Hub: what is sent is what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from huggingface_hub import CommitOperationAdd

import hug
from hug.__main__ import main
from hug.checkpoint import CheckpointError, save_model
from hug.config import OBJECTIVES
from hug.sharing import push, upload_of
from tests.hug.conftest import PixelBackbone, small_model

ROOT = Path(__file__).parents[2]


class FolderHub:
    """Takes what is uploaded into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.private = folder, True

    def create_repo(self, repo: str, private: bool, exist_ok: bool) -> None:
        self.private = private
        (self.folder / repo).mkdir(parents=True, exist_ok=exist_ok)

    def create_commit(self, repo: str, operations: list[CommitOperationAdd], commit_message: str) -> None:
        for operation in operations:
            path = self.folder / repo / operation.path_in_repo
            path.parent.mkdir(parents=True, exist_ok=True)
            with operation.as_file() as file:
                path.write_bytes(file.read())


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    save_model(small_model(OBJECTIVES["calibrated"]), folder)
    for name in ("state.safetensors", "gallery.json", "gallery.safetensors", "job.json", ".env"):
        (folder / name).write_text("x")
    pd.DataFrame({"row": [0]}).to_parquet(folder / "validation.parquet")
    return folder


def test_a_model_comes_back_as_it_was_sent(tmp_path: Path) -> None:
    hub: Any = FolderHub(tmp_path / "hub")
    model = small_model(OBJECTIVES["calibrated"]).eval()
    assert model.push_to_hub("owner/name", private=False, api=hub) == "https://huggingface.co/owner/name"
    back = hug.HUG.from_pretrained(tmp_path / "hub" / "owner/name", PixelBackbone())
    assert back.weights_hash == model.weights_hash and not hub.private
    assert {p.name for p in (tmp_path / "hub/owner/name").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }


def test_only_files_of_a_checkpoint_leave_the_machine(checkpoint: Path, tmp_path: Path) -> None:
    upload = upload_of(checkpoint, "owner/name", backbone=PixelBackbone())
    assert set(upload.files) == {"config.json", "model.safetensors", "validation.parquet"}
    with_index = upload_of(checkpoint, "owner/name", gallery=True, backbone=PixelBackbone())
    assert set(with_index.files) - set(upload.files) == {"gallery.json", "gallery.safetensors"}


def test_a_folder_is_sent_with_the_model_that_lies_in_it(checkpoint: Path, tmp_path: Path) -> None:
    hub: Any = FolderHub(tmp_path / "hub")
    small_model(OBJECTIVES["calibrated"]).push_to_hub("owner/name", checkpoint, api=hub)
    assert (tmp_path / "hub/owner/name/validation.parquet").exists() and hub.private
    with pytest.raises(ValueError, match="holds other weights than this model"):
        small_model(OBJECTIVES["calibrated"], components=8).push_to_hub("owner/name", checkpoint, api=hub)


@pytest.mark.parametrize("repo", ["name", "a/b/c", "owner/na me", "", "owner/..", "../x"])
def test_what_is_no_repository_is_refused(checkpoint: Path, repo: str) -> None:
    with pytest.raises(ValueError, match="name the repository as the Hub does: owner/name"):
        upload_of(checkpoint, repo, backbone=PixelBackbone())


def test_a_damaged_checkpoint_is_not_sent(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "model.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="damaged"):
        upload_of(checkpoint, "owner/name", backbone=PixelBackbone())
    with pytest.raises(CheckpointError, match="no checkpoint folder"):
        upload_of(tmp_path / "none", "owner/name")


def test_a_refusal_is_one_sentence(checkpoint: Path) -> None:
    class Closed(FolderHub):
        def create_commit(self, *args: Any, **kwargs: Any) -> None:
            raise PermissionError("401\nInvalid credentials")

    hub: Any = Closed(checkpoint.parent / "hub")
    with pytest.raises(ValueError, match=r"the Hub did not take owner/name .PermissionError: 401 Invalid credentials"):
        push(upload_of(checkpoint, "owner/name", backbone=PixelBackbone()), api=hub)


def test_a_dry_run_prints_the_card_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    folder = ROOT / "checkpoints" / "garments"
    assert main(["push", "--checkpoint", str(folder), "--to", "owner/garments", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "would be sent to owner/garments: config.json, model.safetensors" in out and "gallery.json" not in out
    measured = {m["id"]: m for m in json.loads((folder / "measurements.json").read_text())["metrics"]}
    assert f"| {measured['recall.10.all']['value']:.3f} |" in out and "## Never measured" in out


def test_the_methods_are_there_whatever_is_imported_first() -> None:
    """A model that was loaded has them, and the class has them before anything was loaded."""
    assert {hug._HOMES[name] for name in ("HUG", "load")} == {"hug.sharing"}
