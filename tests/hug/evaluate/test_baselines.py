"""What a text is to the baselines: a mean of tokens, or counts of ids."""

from __future__ import annotations

import numpy as np
import torch

from hug.data.features import Texts
from hug.evaluate.baselines import frequent_ids, pooled_texts

MASK = np.array([[True, True, True], [True, False, False]])


def test_ids_are_counted_the_most_frequent_first():
    texts = Texts({"a b b": 0, "b": 1}, np.array([[7, 5, 5], [5, 0, 0]], np.int32), MASK)
    counted = frequent_ids(texts)
    assert counted.tolist() == [5, 7]  # padding is no id
    assert pooled_texts(texts, ["b", "a b b"], counted).tolist() == [[1, 0], [2, 1]]
    assert pooled_texts(texts, ["a b b"], torch.tensor([9])).tolist() == [[0]]  # of training texts, not among these


def test_tokens_are_averaged_over_the_words():
    tokens = np.arange(6, dtype=np.float16).reshape(2, 3, 1)
    texts = Texts({"a b b": 0, "b": 1}, tokens, MASK)
    counted = frequent_ids(texts)
    assert not len(counted) and pooled_texts(texts, ["a b b", "b"], counted).tolist() == [[1], [3]]
