"""The registry of backbones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hug.backbones import BACKBONES, load_backbone


def test_an_unknown_name_lists_the_choices() -> None:
    for name in ("vit", "vit:some/model", ""):
        with pytest.raises(
            ValueError, match=rf"unknown backbone '{name}'; choose one of \['embedded'.* 'blip2:SOURCE'"
        ):
            load_backbone(name)
    with pytest.raises(ValueError, match="backbone 'clip' has no source"):
        load_backbone("clip")


def test_a_backbone_is_loaded_once() -> None:
    assert load_backbone("embedded") is load_backbone("embedded")
    assert load_backbone("embedded").name in BACKBONES


def test_the_registry_alone_loads_no_transformers() -> None:
    code = "import sys, hug.backbones; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
