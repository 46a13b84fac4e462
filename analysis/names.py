"""What checkpoints are called on the page: by their folders, and told apart where two folders have one name."""

from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path

from hug.checkpoint import shown_name


def distinct_names(places: Iterable[str | Path]) -> dict[str, str | Path]:
    """Name -> checkpoint folder or Hub id, each once; a later one of a name also has its parent's, then a number."""
    names, entered = dict[str, str | Path](), set[Path]()
    for place in places:
        folder = Path(place).resolve()
        if folder in entered:
            continue
        entered.add(folder)
        name = shown_name(place)
        longer = f"{name} ({folder.parent.name}"
        options = chain((name, f"{longer})"), (f"{longer} {n})" for n in count(2)))
        names[next(name for name in options if name not in names)] = place
    return names
