"""Image tokens computed whenever they are asked for, where there is no room to keep them: BLIP-2's are 0.7 MB each."""

from collections.abc import Sequence
from threading import Lock

import numpy as np

from hug.backbones import Backbone
from hug.data.collection import Collection
from hug.data.images import open_picture


class LiveTokens:
    """(N, P, Cv) half precision, indexed by rows as a memory-mapped array is; pictures are read again each time."""

    def __init__(self, collection: Collection, ids: Sequence[str], backbone: Backbone) -> None:
        self._collection, self._ids, self._backbone = collection, tuple(ids), backbone
        self._alone = Lock()  # threads decode at once and compute in turn: the network's memory is needed once

    def __getitem__(self, rows: Sequence[int]) -> np.ndarray:
        """Raises ValueError naming a picture that can't be read."""
        pictures = [open_picture(self._collection.path(self._ids[n])) for n in rows]
        with self._alone:
            return self._backbone.images(pictures).numpy().astype("<f2")
