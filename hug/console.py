"""What a person types and reads: paths resolved where they are given, and output that any console can show."""

import os
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
BUNDLED = str(PROJECT / "checkpoints" / "garments")
FOLDERS = ("checkpoints", "runs")  # of this project: no owner on the Hub is asked for them


def given_path(path: str | Path) -> Path:
    """A path as a person gave it, absolute from here on: another process may have another folder."""
    return Path(os.path.abspath(Path(path).expanduser()))


def given_checkpoint(source: str | Path) -> str | Path:
    """A folder as `given_path`, or a Hub id as it is."""
    return given_path(source) if is_path(str(source)) or Path(source).is_dir() else source


def is_path(name: str) -> bool:
    """Whether a name is meant as a place on this machine, there or not; else it may be owner/name on the Hub."""
    if name.startswith((".", "~", "/")) or name.endswith("/") or "\\" in name or name.count("/") != 1:
        return True
    owner = name.partition("/")[0]
    return owner in FOLDERS or Path(owner).is_dir()


def require_writable(folder: str | Path, setting: str) -> Path:
    """A folder that can be written, or made where it lacks: asked before hours of work, not after.

    Raises ValueError with the setting that names another.
    """
    folder = Path(folder)
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return folder
    except OSError as error:
        raise ValueError(f"{folder} can't be written ({error.strerror}); name another folder with {setting}") from None


def forgive_console() -> None:
    """Letters that the console has none for are written out instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
