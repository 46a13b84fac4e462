"""A model of somebody's own, shared by a link on purpose: the name in the link is another than the owner's."""

import re
import secrets
from contextlib import suppress
from pathlib import Path

from hug.files import write_text

FILE = "shared"  # in the model's folder: the name it is shared under
NAME = re.compile(r"shared-[0-9a-f]{16}")


def share(folder: Path) -> str:
    """The name under which anybody may ask the model, made when it has none."""
    name = shared_name(folder)
    if not name:
        name = f"shared-{secrets.token_hex(8)}"
        write_text(folder / FILE, name)
    return name


def stop_sharing(folder: Path) -> None:
    """Its links lead nowhere from now on."""
    (folder / FILE).unlink(missing_ok=True)


def shared_name(folder: Path) -> str:
    """The name it is shared under; empty when it isn't."""
    with suppress(OSError, ValueError):
        name = (folder / FILE).read_text()
        return name if NAME.fullmatch(name) else ""
    return ""


def shared_folder(root: Path, name: str) -> Path | None:
    """The folder of the training below `root` that is shared under a name."""
    if not NAME.fullmatch(name):
        return None
    return next((path.parent for path in root.glob(f"*/mine-*/{FILE}") if shared_name(path.parent) == name), None)
