"""What validation says of a query's uncertainty: the chance of a hit, and each source's percentile.

The chance is the one number of the split that a person reads: a logistic score of the log variances of all
components (reference, text, coordination, merge), made a chance by isotonic regression; both fitted on validation
queries. Which component is uncertain says more than how much all are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import percentileofscore
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from torch import Tensor

from hug.gaussians import SOURCES, Query
from hug.model import HUG

NAMES = (*SOURCES, "q")  # r reference picture, t words, m coordination, q merged
REACH = 4.0  # spreads; beyond, validation has seen nothing
STRENGTH = 0.1  # C of the logistic regression: a few thousand queries, about a hundred features
FOLDS = 5
LIMITS = (0.01, 0.99)  # no validation set is large enough for a certainty


def variances(query: Query) -> dict[str, Tensor]:
    """r, t, m, q -> variances (B, K, D) of each source and of the merge."""
    return {"r": query.var_r, "t": query.var_t, "m": query.var_m, "q": query.var}


def mean_variances(query: Query) -> dict[str, float]:
    """r, t, m, q -> mean over components and dimensions, of one query."""
    return {name: float(var.mean()) for name, var in variances(query).items()}


def log_variance_features(query: Query) -> np.ndarray:
    """(B, 4K) log of each component's mean variance: K of the reference, K of the text, coordination, merge."""
    return np.concatenate([v.double().mean(-1).log().cpu().numpy() for v in variances(query).values()], axis=1)


@dataclass(frozen=True)
class HitModel:
    """Score = coefficients . (x - centre) / spread, x (n, F) log variances; its chance by steps, in between linear."""

    coefficients: tuple[float, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    scores: tuple[float, ...]  # rising
    chances: tuple[float, ...]  # the chance at each score, never falling

    @staticmethod
    def fit(features: np.ndarray, hit: np.ndarray) -> HitModel:
        """From validation queries (n, F) and whether each found its target (n,).

        The steps are fitted on scores from models that have not seen the query (5 folds), else they would be too
        sure. Where there are too few hits or misses for that nothing can be learned: the rate itself (with
        Laplace's two extra observations) answers every query. Raises ValueError for no queries or numbers that
        aren't finite.
        """
        features, hit = np.asarray(features, float), np.asarray(hit, bool)
        if features.ndim != 2 or not features.size or len(features) != len(hit):
            raise ValueError(f"expected (n, F) features and n hits, got {features.shape} and {hit.shape}")
        if not np.isfinite(features).all():
            raise ValueError("a log variance is not a finite number; train the model again")
        centre, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
        if min(hit.sum(), (~hit).sum()) < FOLDS:
            rate = float((hit.sum() + 1) / (len(hit) + 2))
            return HitModel((0.0,) * len(centre), tuple(centre), tuple(spread), (0.0,), (rate,))
        scaled = np.clip((features - centre) / spread, -REACH, REACH)
        logistic = LogisticRegression(C=STRENGTH, max_iter=1000)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        unseen = cross_val_predict(logistic, scaled, hit, cv=folds, method="decision_function")
        logistic.fit(scaled, hit)
        steps = IsotonicRegression(y_min=LIMITS[0], y_max=LIMITS[1]).fit(unseen - logistic.intercept_[0], hit)
        lists = (logistic.coef_[0], centre, spread, steps.X_thresholds_, steps.y_thresholds_)
        return HitModel(*(tuple(map(float, numbers)) for numbers in lists))

    def probability(self, features: np.ndarray) -> np.ndarray:
        """(n,) chance of a hit for log variances (n, F); no line is drawn further than REACH spreads.

        Raises ValueError for another number of features than the model was fitted on.
        """
        features = np.asarray(features, float)
        if features.ndim != 2 or features.shape[1] != len(self.centre):
            raise ValueError(f"this calibration reads {len(self.centre)} log variances a query, got {features.shape}")
        scaled = np.clip((features - self.centre) / self.spread, -REACH, REACH)
        return np.interp(scaled @ np.array(self.coefficients), self.scores, self.chances)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> HitModel:
        """Raises ValueError when a number is missing, not finite or out of order."""
        try:
            model = HitModel(**{field.name: tuple(map(float, values[field.name])) for field in fields(HitModel)})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no model of the chance: {error}") from error
        features, steps, lists = len(model.centre), len(model.scores), astuple(model)
        if [len(numbers) for numbers in lists] != [features, features, features, steps, steps]:
            raise ValueError("the lists of numbers differ in length")
        if not features or not steps:
            raise ValueError("it has no numbers")
        if not np.isfinite(np.concatenate(lists)).all():
            raise ValueError("a number is not finite")
        if min(model.spread) <= 0 or min(model.chances) < 0 or max(model.chances) > 1:
            raise ValueError("a spread is not positive or a chance not between 0 and 1")
        if any(np.diff(model.scores) < 0) or any(np.diff(model.chances) < 0):
            raise ValueError("the steps do not rise")
        return model


@dataclass(frozen=True)
class Calibration:
    """What validation says of a query's uncertainty: the chance of a hit, and the variances of other queries."""

    hit: HitModel
    within: int  # the chance is that the target is among the first `within`
    values: Mapping[str, np.ndarray]  # r, t, m, q -> sorted mean variances of the validation queries

    @staticmethod
    def load(folder: str | Path, model: HUG) -> Calibration | None:
        """From a checkpoint folder; None when it has not been evaluated.

        Raises ValueError when it is damaged or was made for other weights.
        """
        folder = Path(folder)
        path, table = folder / "calibration.json", folder / "validation.parquet"
        if not (path.exists() and table.exists()):
            return None
        try:
            raw = json.loads(path.read_text())
            if raw["weights"] != model.weights_hash:
                raise ValueError("it was made for other weights")
            frame = pd.read_parquet(table)
            queries = frame[frame.side == "query"]
            values = {name: np.sort(queries[f"var_{name}"].to_numpy()) for name in NAMES}
            return Calibration(HitModel.from_dict(raw), int(raw["within"]), values)
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise ValueError(f"{folder}: no calibration ({error}); run `python -m hug evaluate` again") from error

    def percentile(self, name: str, value: float) -> float:
        """0-100: share of validation queries with a smaller mean variance of this source; ties count half."""
        return float(percentileofscore(self.values[name], value, "mean"))

    def chance(self, query: Query) -> float:
        """Probability in (0, 1) that the target of one query is among the first `within`, from its variances."""
        return float(self.hit.probability(log_variance_features(query))[0])
