"""What validation says of an answer: the chance of a hit, answer sets that hold what they promise, percentiles.

Both are read off the posterior over the gallery (`posterior.py`) and corrected by validation queries, for several sizes
of gallery: the whole ones and random parts of them. Where an answer leaves what was calibrated, `withheld` says why
and no number is given. Letters: Q queries, N candidates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from scipy.stats import percentileofscore
from sklearn.isotonic import IsotonicRegression
from torch import Tensor

from hug.backbones import Backbone, Words, WordTokens
from hug.backbones.kinds import LIMIT, other_thing
from hug.files import write_json, write_tensors
from hug.gaussians import SOURCES, Gaussians, Query
from hug.model import HUG
from hug.novelty import Neighbours, Novelty
from hug.posterior import Posterior, fit_tau

FILE, TENSORS, TABLE, FORMAT = "calibration.json", "calibration.safetensors", "validation.parquet", 2
NAMES = (*SOURCES, "q")  # r reference picture, t words, m coordination, q merged
WITHIN = 10  # a hit: the target is among so many
CUTS = (1, 2, 3, 5, 10, 20, 50)  # k at which the chance is corrected; in between by the logarithm of k
PARTS = (30, 100, 300, 600, 1000, 1800, 3000, 6000)  # sizes of random parts of the galleries, beside the whole
LEVELS = tuple(np.round(np.linspace(0.5, 0.99, 50), 2).tolist())  # of answer sets
FIFTHS, LEAST = 5, 40  # groups of queries by their mass of the first ten, and the fewest queries of one
LIMITS = (0.01, 0.99)  # no validation set is large enough for a certainty
BEYOND = 1.5  # times the largest calibrated gallery: nothing is said above
KIND_PICTURES = 300  # pictures of validation that tell which kind is known
# 1 - cosine between mean words from which a text is about something else: 2 % of Fashion-IQ's captions, nine in ten
# sentences about other things, in other languages or of noise (`python -m benchmarks.wordings`).
ELSEWHERE = 0.6
STRANGE = 0.1  # share of new pictures from which a gallery is of another kind


def variances(query: Query) -> dict[str, Tensor]:
    """r, t, m, q -> variances (B, K, D) of each source and of the merge."""
    return {"r": query.var_r, "t": query.var_t, "m": query.var_m, "q": query.var}


def mean_variances(query: Query) -> dict[str, float]:
    """r, t, m, q -> mean over components and dimensions, of one query."""
    return {name: float(var.mean()) for name, var in variances(query).items()}


@dataclass(frozen=True)
class Steps:
    """A chance that never falls with the mass: at each of `mass` that of `chance`, in between linear."""

    mass: tuple[float, ...]
    chance: tuple[float, ...]

    @staticmethod
    def fit(mass: np.ndarray, hit: np.ndarray) -> Steps:
        """Isotonic regression; the rate itself (with Laplace's two observations) where nearly all or none hit."""
        if min(hit.sum(), (~hit).sum()) < FIFTHS:
            return Steps((0.0,), (round(float((hit.sum() + 1) / (len(hit) + 2)), 4),))
        fitted = IsotonicRegression(y_min=LIMITS[0], y_max=LIMITS[1]).fit(mass, hit)
        rounded = (np.round(part, 5).tolist() for part in (fitted.X_thresholds_, fitted.y_thresholds_))
        return Steps(*map(tuple, rounded))

    def __call__(self, mass: np.ndarray) -> np.ndarray:
        return np.interp(mass, self.mass, self.chance)


@dataclass(frozen=True)
class SizeCalibration:
    """What validation queries tell of galleries of one size."""

    size: int  # candidates
    chances: Mapping[int, Steps]  # k -> the chance that the target is among the first k, by their mass
    edges: tuple[float, ...]  # of the mass of the first ten: between groups of queries alike in number
    thresholds: tuple[tuple[float, ...], ...]  # a group's: the mass of a set at each of LEVELS

    @staticmethod
    def fit(posterior: Posterior, targets: np.ndarray) -> SizeCalibration:
        """From the posterior of Q validation queries and the positions (Q,) of their targets.

        A set of a level holds the candidates before which less than the threshold's mass lies. By conformal
        prediction (Romano, Sesia and Candès, NeurIPS 2020) the threshold is the quantile, over validation queries of
        the same group, of the mass before the target: a new query's target is in the set as often as the level says.
        """
        ranks = posterior.ranks(targets)
        before, ten = posterior.before(targets), posterior.first(WITHIN)
        size = posterior.probability.shape[1]
        cuts = [k for k in CUTS if k < size]
        groups = max(1, min(FIFTHS, len(targets) // LEAST))
        edges = np.quantile(ten, np.linspace(0, 1, groups + 1)[1:-1])
        own = np.digitize(ten, edges)
        return SizeCalibration(
            size,
            {k: Steps.fit(posterior.first(k), ranks <= k) for k in cuts},
            tuple(np.round(edges, 6).tolist()),
            tuple(_thresholds(before[own == group]) for group in range(groups)),
        )

    def chance(self, posterior: Posterior, k: int) -> np.ndarray:
        """(Q,) chance that the target is among the first k; between two corrected k by their logarithms."""
        cuts = sorted(self.chances)
        if not cuts or k >= self.size:
            return np.full(len(posterior.order), LIMITS[1])
        values = np.stack([self.chances[cut](posterior.first(cut)) for cut in cuts], axis=1)
        values = np.maximum.accumulate(values, axis=1)
        return np.array([np.interp(np.log(k), np.log(cuts), row) for row in values])

    def threshold(self, posterior: Posterior, level: float) -> np.ndarray:
        """(Q,) mass below which a candidate still belongs to the set of such a level."""
        group = np.minimum(np.digitize(posterior.first(WITHIN), self.edges), len(self.thresholds) - 1)
        at_level = np.array([np.interp(level, LEVELS, row) for row in self.thresholds])
        return at_level[group]


def _thresholds(before: np.ndarray) -> tuple[float, ...]:
    """At each of LEVELS the conformal quantile of Q masses; the whole gallery where Q is too few for the level."""
    if not len(before):
        return (1.0,) * len(LEVELS)
    ordered = np.sort(before)
    places = np.ceil((len(before) + 1) * np.array(LEVELS)).astype(int) - 1
    values = np.where(places < len(before), ordered[np.minimum(places, len(before) - 1)], 1.0)
    above = np.floor(values * 1e6 + 1) / 1e6  # the query at the quantile has its target in the set
    return tuple(np.round(above, 6).clip(0, 1).tolist())


@dataclass(frozen=True)
class AnswerSet:
    """The first `size` results hold the target in `level` of such questions."""

    level: float
    size: int


@dataclass(frozen=True)
class Calibration:
    """What validation says of an answer, with what it was made on."""

    tau: float
    scopes: Mapping[str, tuple[SizeCalibration, ...]]  # "category" or "all" -> by size, rising
    weights: str  # hash of the model's
    protocol: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)  # `Collection.provenance`
    values: Mapping[str, np.ndarray] = field(default_factory=dict)  # r, t, m, q -> sorted validation mean variances
    novelty: Novelty | None = None  # of pictures by their means; None where it is unknown
    garments: float | None = None  # log-odds below which a picture of the known kind shows another thing (`kinds.py`)
    wording: Neighbours | None = None  # texts by their mean words; None where it is unknown, or words are ids
    within: int = WITHIN

    @staticmethod
    def fit(
        distances: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]],
        candidates: Gaussians | None = None,
        weights: str = "",
        protocol: str = "",
        data: Mapping[str, Any] | None = None,
        texts: np.ndarray | None = None,
        garments: float | None = None,
    ) -> Calibration:
        """From scope -> for each gallery the distances (Q, N) of validation queries and their targets' positions (Q,).

        tau is fitted on the scope "category"; what kind of picture is known, on the candidates; of what is talked, on
        the mean words (U, Ct) of texts. Raises ValueError for numbers that aren't finite.
        """
        first = distances["category"]
        tau = fit_tau([d for d, _ in first], [t for _, t in first])
        scopes = {scope: _sizes(galleries, tau) for scope, galleries in distances.items()}
        enough = candidates is not None and len(candidates) >= KIND_PICTURES
        novelty = Novelty.fit(means(candidates.mu)) if enough and candidates is not None else None
        wording = None if texts is None else Neighbours.of(texts, ELSEWHERE)
        detectors: dict[str, Any] = {"novelty": novelty, "garments": garments, "wording": wording}
        return Calibration(tau, scopes, weights, protocol, data or {}, **detectors)

    def posterior(self, distances: np.ndarray) -> Posterior:
        """Over the candidates of distances (Q, N); those at infinity are left out."""
        return Posterior.of(distances, self.tau)

    def chance(self, posterior: Posterior, candidates: int, k: int = WITHIN, scope: str = "category") -> np.ndarray:
        """(Q,) chance in [0.01, 0.99] that the target is among the first k of so many candidates."""
        (low, high), place = self._around(candidates, scope)
        below, above = low.chance(posterior, k), high.chance(posterior, k)
        return below + place * (above - below)

    def answer_set(
        self, posterior: Posterior, candidates: int, level: float = 0.9, scope: str = "category"
    ) -> np.ndarray:
        """(Q,) how many of the first results hold the target in `level` (0.5 to 0.99) of such questions."""
        around, _ = self._around(candidates, scope)
        threshold = np.maximum(*(size.threshold(posterior, level) for size in around))  # rather too many than too few
        before = posterior.mass - posterior.probability
        inside = (before < threshold[:, None]) & (posterior.probability > 0)
        return np.maximum(1, inside.sum(1))

    def _around(self, candidates: int, scope: str) -> tuple[tuple[SizeCalibration, SizeCalibration], float]:
        """The two sizes around a gallery's, and where between them (0 to 1) it lies by logarithms."""
        sizes = self._of(scope)
        place = float(np.interp(np.log(candidates), np.log([s.size for s in sizes]), np.arange(len(sizes))))
        low, high = int(np.floor(place)), int(np.ceil(place))
        return (sizes[low], sizes[high]), place - low

    def largest(self, scope: str = "category") -> int:
        """Candidates up to which a chance is given."""
        return int(BEYOND * self._of(scope)[-1].size)

    def _of(self, scope: str) -> tuple[SizeCalibration, ...]:
        """The sizes of a scope; those of one category where all together were not calibrated."""
        return self.scopes.get(scope, self.scopes["category"])

    def reasons(self, candidates: int, scope: str = "category") -> list[str]:
        """Why nothing is said of a search among so many candidates; empty where a chance can be told."""
        if candidates <= self.within:
            return [f"no more than {self.within} pictures can be ranked here, so all of them are among the first"]
        if candidates > self.largest(scope):
            most = f"{self.largest(scope):,}"
            return [f"{candidates:,} pictures are searched, and validation tells of galleries up to {most}"]
        return []

    def new_pictures(self, mu: Tensor) -> np.ndarray:
        """(N,) true for pictures with means (N, K, D) unlike any of the validation galleries'."""
        return np.zeros(len(mu), bool) if self.novelty is None else self.novelty.new(means(mu))

    def other_thing(self, backbone: Backbone, tokens: Tensor, mu_r: Tensor | None) -> str | None:
        """What a reference (1, P, Cv) of mean `mu_r` (1, K, D) looks like that the gallery holds none of; else None."""
        if self.garments is None:
            return None
        new = mu_r is not None and self.new_pictures(mu_r)[0]
        return other_thing(backbone, tokens, LIMIT if new else self.garments)

    def about_something_else(self, words: Words) -> np.ndarray:
        """(B,) true for texts without a similar one in validation; never where words are ids."""
        if self.wording is None or not isinstance(words, WordTokens):
            return np.zeros(len(words), bool)
        return self.wording.new(words.mean.numpy())

    def strange_gallery(self, mu: Tensor) -> bool:
        """Whether more than a tenth of a gallery's pictures are unlike those of validation."""
        return bool(self.new_pictures(mu).mean() > STRANGE)

    def percentile(self, name: str, value: float) -> float:
        """0-100: share of validation queries with a smaller mean variance of this source; ties count half."""
        return float(percentileofscore(self.values[name], value, "mean"))

    # ---- storage ----

    def save(self, folder: Path) -> None:
        """`calibration.json`, and what is known of pictures and texts in `calibration.safetensors`, written first.

        The percentiles' values are the table of validation queries beside them.
        """
        arrays: dict[str, np.ndarray] = {}
        if self.novelty is not None:
            arrays |= {"centre": self.novelty.centre, "basis": self.novelty.basis}
        if self.wording is not None:
            arrays["texts"] = self.wording.items
        if arrays:
            tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
            write_tensors(folder / TENSORS, tensors, {"weights": self.weights})
        write_json(folder / FILE, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """All but the percentiles' values, which are a table beside it."""
        scopes = TypeAdapter(dict[str, tuple[SizeCalibration, ...]]).dump_python(dict(self.scopes), mode="json")
        return {
            "format": FORMAT, "weights": self.weights, "protocol": self.protocol, "data": dict(self.data),
            "within": self.within, "tau": self.tau, "novelty": self.novelty and self.novelty.limit,
            "garments": self.garments, "wording": self.wording and self.wording.limit, "levels": LEVELS,
            "scopes": scopes,
        }  # fmt: skip

    @staticmethod
    def load(folder: str | Path, model: HUG) -> Calibration | None:
        """From a checkpoint folder; None when it has not been evaluated, or only by an earlier version of the project.

        Raises ValueError when it is damaged, of a later format, or was made for other weights.
        """
        path, table = Path(folder) / FILE, Path(folder) / TABLE
        if not (path.exists() and table.exists()):
            return None
        try:
            raw = json.loads(path.read_text())
            if raw.get("format", 1) < FORMAT:
                return None
            if raw["weights"] != model.weights_hash:
                raise ValueError("it was made for other weights")
            if raw["format"] != FORMAT or tuple(raw["levels"]) != LEVELS:
                raise ValueError("it is of a format that this version doesn't read")
            frame = pd.read_parquet(table)
            queries = frame[frame.side == "query"]
            values = {name: np.sort(queries[f"var_{name}"].to_numpy()) for name in NAMES}
            scopes = TypeAdapter(dict[str, tuple[SizeCalibration, ...]]).validate_python(raw["scopes"])
            calibration = Calibration(
                float(raw["tau"]), scopes, raw["weights"], raw["protocol"], raw["data"], values,
                **_detectors(Path(folder) / TENSORS, raw), garments=raw.get("garments"), within=int(raw["within"]),
            )  # fmt: skip
            _check(calibration)
        except (KeyError, ValueError, TypeError, OSError, SafetensorError) as error:
            raise ValueError(f"{folder}: no calibration ({error}); run `python -m hug evaluate` again") from error
        return calibration


def means(mu: Tensor) -> np.ndarray:
    """(N, K*D) means of N items as a table's rows."""
    return mu.flatten(1).float().cpu().numpy()


def _detectors(path: Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Of pictures and of texts. Raises ValueError when the file is not that of these weights."""
    pictures, texts = raw["novelty"], raw.get("wording")  # which an earlier evaluation didn't have
    if pictures is None and texts is None:
        return {}
    with safe_open(path, framework="np") as file:
        if (file.metadata() or {}).get("weights") != raw["weights"]:
            raise ValueError(f"{path.name} was made for other weights")
        detectors: dict[str, Any] = {}
        if pictures is not None:
            detectors["novelty"] = Novelty(file.get_tensor("centre"), file.get_tensor("basis"), float(pictures))
        if texts is not None:
            detectors["wording"] = Neighbours(file.get_tensor("texts"), float(texts))
        return detectors


def _sizes(galleries: Sequence[tuple[np.ndarray, np.ndarray]], tau: float) -> tuple[SizeCalibration, ...]:
    """Of the whole galleries, and of random parts of them that hold the target."""
    smallest = min(d.shape[1] for d, _ in galleries)
    sizes = [n for n in PARTS if 1.2 * n <= smallest]
    parts = [[part_of_gallery(d, t, n) for d, t in galleries] for n in sizes] + [list(galleries)]
    fitted = []
    for part, size in zip(parts, [*sizes, smallest], strict=True):
        widest = max(d.shape[1] for d, _ in part)
        padded = [np.pad(d, ((0, 0), (0, widest - d.shape[1])), constant_values=np.inf) for d, _ in part]
        posterior = Posterior.of(np.concatenate(padded), tau)
        own = SizeCalibration.fit(posterior, np.concatenate([t for _, t in part]))
        fitted.append(SizeCalibration(size, own.chances, own.edges, own.thresholds))
    return tuple(fitted)


def part_of_gallery(distances: np.ndarray, targets: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances (Q, size) to the target and other candidates drawn for each query, in the gallery's order."""
    rng, rows = np.random.default_rng(size), np.arange(len(targets))
    chance = rng.random(distances.shape)
    chance[~np.isfinite(distances)] = 2.0
    chance[rows, targets] = -1.0
    places = np.sort(np.argpartition(chance, size - 1, axis=1)[:, :size], axis=1)
    return np.take_along_axis(distances, places, axis=1), np.argmax(places == targets[:, None], axis=1)


def _check(calibration: Calibration) -> None:
    """Raises ValueError for numbers that no fit gives."""
    if not (np.isfinite(calibration.tau) and calibration.tau > 0):
        raise ValueError("tau is not a positive number")
    if "category" not in calibration.scopes or not all(calibration.scopes.values()):
        raise ValueError("a scope has no size")
    for sizes in calibration.scopes.values():
        if any(a.size >= b.size for a, b in zip(sizes, sizes[1:], strict=False)) or sizes[0].size < 1:
            raise ValueError("the sizes do not rise")
        for size in sizes:
            for steps in size.chances.values():
                if len(steps.mass) != len(steps.chance) or not steps.mass:
                    raise ValueError("a list of chances has another length than its masses")
                _rising("chances", steps.mass, steps.chance)
            _rising("edges", size.edges)
            if len(size.thresholds) != len(size.edges) + 1 or any(len(t) != len(LEVELS) for t in size.thresholds):
                raise ValueError("a group has no threshold for each level")
            _rising("thresholds", *size.thresholds)


def _rising(name: str, *lists: Sequence[float]) -> None:
    for numbers in lists:
        values = np.asarray(numbers, float)
        if not np.isfinite(values).all() or (np.diff(values) < 0).any() or (values < 0).any() or (values > 1).any():
            raise ValueError(f"the {name} are not rising shares between 0 and 1")
