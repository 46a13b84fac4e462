"""What is there of a data set, told before anything is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from hug.__main__ import main
from hug.config import DataConfig
from hug.evaluate.doctor import examine
from tests.hug.data.test_cirr import MEMBERS
from tests.hug.data.test_cirr import tree as cirr_tree
from tests.hug.data.test_health import fashion


def report(root: Path, **changes: object) -> tuple[str, bool]:
    data = DataConfig(root=str(root), cache=str(root / "cache")).replace(**changes)
    diagnosis = examine(data, root / "lists", progress=False)
    return "\n".join(diagnosis.lines), diagnosis.whole


def test_a_whole_data_set_can_be_measured(tmp_path: Path) -> None:
    fashion(tmp_path, "train")
    text, whole = report(fashion(tmp_path), categories=("dress",))
    assert whole and "layout fashioniq, splits train, val" in text
    assert "train: 4 queries, 6 pictures, galleries dress 6" in text and "triplets name 5 of 6 pictures" in text
    assert "training has all 4 triplets" in text and "5 ids named by the training split too" in text
    assert all(f"{name} can be measured" in text for name in ("fiq-std", "fiq-noref", "fiq-union"))


def test_what_is_missing_is_counted_and_listed_in_files(tmp_path: Path) -> None:
    root = fashion(tmp_path, missing="f", corrupt="b")
    text, whole = report(root, categories=("dress",))
    assert not whole and "1 picture missing: " in text and "1 picture unreadable: " in text
    assert (root / "lists/val-missing.txt").read_text() == "f\n"
    assert (root / "lists/val-unreadable.txt").read_text().startswith("b\tb.png is damaged")
    assert (root / "lists/val-identical.txt").read_text() == "a\td\n"
    reduced = "fiq-std-reduced-2-of-6: galleries dress 4 of 6, 2 of 4 queries"
    assert f"fiq-std can't be measured; with --missing drop it is {reduced}" in text
    assert "fiq-union-reduced-2-of-6: galleries dress 4 of 5, 2 of 4 queries" in text
    Image.new("RGB", (4, 4)).save(root / "images" / "f.png")
    assert "missing: " not in report(root, categories=("dress",))[0]
    assert not (root / "lists/val-missing.txt").exists()  # what an earlier look wrote is gone


def test_a_picture_with_the_target_s_bytes_is_told_where_it_is_ranked(tmp_path: Path) -> None:
    text, _ = report(fashion(tmp_path), categories=("dress",))
    # c asks for d, whose bytes a has; nobody asks for a
    assert text.count("in 1 of 4 queries a picture with the target's bytes is ranked too") == 3
    assert "1 group of 2 ids whose files are equal byte for byte" in text


def test_a_removed_reference_is_no_rival_of_its_target(tmp_path: Path) -> None:
    root = fashion(tmp_path)
    (root / "images" / "c.png").write_bytes((root / "images" / "d.png").read_bytes())
    (root / "images" / "a.png").write_bytes((root / "images" / "f.png").read_bytes())
    text, _ = report(root, categories=("dress",))
    std, noref, _ = text.split("fiq-")[1:]  # b asks for c, whose bytes d has; c asks for d, whose bytes c has
    assert "in 2 of 4 queries" in std and "in 1 of 4 queries" in noref


def test_official_annotations_without_pictures(test_data: Path, tmp_path: Path) -> None:
    data = DataConfig(root=str(test_data / "fashion_iq"), cache=str(tmp_path))
    lines = examine(data, tmp_path / "lists", progress=False).lines
    text = "\n".join(lines)
    assert "train: 18,000 queries, 45,429 pictures" in text and "triplets name 25,136 of 45,429 pictures" in text
    assert "121 ids in more than one category" in text and "13 queries with an empty caption" in text
    assert "3 queries with an empty caption" in text and "11 queries that repeat another's reference" in text
    assert "15,415 pictures missing" in text and "none is where it is looked for: images/ID" in text
    assert "nor with --missing drop: a category would be empty" in text and max(map(len, lines)) < 300
    assert len((tmp_path / "lists/train-missing.txt").read_text().split()) == 25_136


def test_cirr_s_subsets_and_a_broken_split(tmp_path: Path) -> None:
    root = cirr_tree(tmp_path)
    for name in MEMBERS:
        Image.new("RGB", (4, 4)).save(root / "img_raw" / "dev" / f"{name}.png")
    text, _ = report(root)
    assert "cirr-val-reduced-1-of-7: galleries all 6 of 7, 1 of 1 queries" in text
    (root / "image_splits" / "split.rc2.test1.json").write_text("[")
    text, whole = report(root)
    assert "test: " in text and "cap.rc2.test1.json not found" in text and "cirr-val" in text and not whole


def test_hidden_targets_are_measured_by_nobody_but_cirr(tmp_path: Path) -> None:
    root = fashion(tmp_path, "test")
    for path in root.glob("captions/*.json"):
        path.write_text(path.read_text().replace('"target"', '"hidden"'))
    text, _ = report(root, categories=("dress",))
    assert (
        "4 queries with a hidden target" in text and "no protocol measures it" in text and "can be measured" not in text
    )


def test_a_folder_says_what_was_left_out(test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "lists")]
    assert main(["doctor", "--data", str(test_data / "cases" / "04_silently_left_out"), *options]) == 1
    assert "1 picture left out: " in capsys.readouterr().out
    assert "IMG_1.HEIC\tHEIC pictures can't be read here" in (tmp_path / "lists/left-out.txt").read_text()
    assert main(["doctor", "--data", str(test_data / "cases" / "08_uppercase_suffix_tree"), *options]) == 0
    assert main(["doctor", "--data", str(tmp_path / "none"), *options]) == 1
    assert "no data set of a known layout" in capsys.readouterr().err


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys, hug.evaluate.doctor; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
