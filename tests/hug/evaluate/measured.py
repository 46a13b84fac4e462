"""Measurements as `evaluate` stores them, with the metrics a test gives."""

from __future__ import annotations

from hug.evaluate.measurements import Measurements, Metric

Value = float | tuple[float, float, float]


def metrics(**values: Value) -> tuple[Metric, ...]:
    """By id: a value, or a value with its interval."""
    triples = {id: v if isinstance(v, tuple) else (v, None, None) for id, v in values.items()}
    return tuple(Metric(id, *triple, count=9) for id, triple in triples.items())


def measurements(objective: str, split: str = "test", **values: Value) -> Measurements:
    return Measurements(
        "garments", split, "abc", "pixels-1", objective, {"version": "v", "sha256": "0123456789abcdef99", "seed": 0},
        {"dress": {"size": 15, "hash": "beef", "queries": 7}}, "python -m hug evaluate", "c0ffee",
        {"draws": 500, "baselines": True}, metrics(**values),
    )  # fmt: skip


def line(page: str, start: str) -> list[str]:
    """The cells of the first table row that starts so."""
    return next([c.strip() for c in row.split(" | ")] for row in page.splitlines() if row.startswith(f"| {start} |"))
