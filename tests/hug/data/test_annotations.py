"""What every reader of annotations does alike."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from hug.data.annotations import brief, check_hidden, parsed, some
from hug.data.fashioniq import ENTRIES

IDS = TypeAdapter(list[str])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_any_unicode_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.json").write_bytes(json.dumps(["blüte", "b"], ensure_ascii=False).encode(encoding))
    assert parsed(tmp_path / "a.json", IDS) == ["blüte", "b"]


def test_a_file_with_a_byte_order_mark_is_read(test_data: Path) -> None:
    path = test_data / "cases" / "09_bom" / "cap.dress.val.json"
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    assert parsed(path, ENTRIES)[0].target == "B0084Y8XIU"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\xfe[", "Invalid JSON|not text in a Unicode"),
        (b'["\xe4"]', "not text in a Unicode encoding; save it as UTF-8"),
        (json.dumps({"a": "x" * 10_000}).encode(), r"valid array, got .*… \(10009 characters\)"),
    ],
)
def test_what_cannot_be_read_is_one_short_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=says) as caught:
        parsed(tmp_path / "a.json", IDS)
    assert "a.json" in str(caught.value) and len(str(caught.value)) < 600


def test_long_lists_and_values_are_cut() -> None:
    assert some("abc") == "a, b, c" and some(map(str, range(5004)), 2) == "0, 1 and 5,002 more"
    assert brief("a") == "'a'" and len(brief(["x"] * 1000)) < 230


def test_a_test_split_hides_all_its_targets_or_none() -> None:
    path = Path("cap.json")
    check_hidden(path, ["a", "b"], "train")
    check_hidden(path, [None, None], "test")
    for split in ("train", "val", "test"):
        with pytest.raises(ValueError, match="cap.json: 2 of 3 entries have no target: 1, 2; only a test split may"):
            check_hidden(path, ["a", None, None], split)
    with pytest.raises(ValueError, match="1 of 1 entries have no target"):
        check_hidden(path, [None], "val")
