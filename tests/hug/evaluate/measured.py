"""Measurements as `evaluate` stores them, with the rows a test gives."""

from __future__ import annotations

from typing import Any


def measurements(objective: str, **values: float | tuple[float, float, float]) -> dict[str, Any]:
    rows = []
    for name, value in values.items():
        v, low, high = value if isinstance(value, tuple) else (value, None, None)
        rows.append({"measure": name, "value": v, "low": low, "high": high, "count": 9})
    return {
        "protocol": "garments", "split": "test", "weights": "abc", "backbone": "pixels-1", "objective": objective,
        "data": {"version": "v", "sha256": "0123456789abcdef99", "seed": 0}, "command": "python -m hug evaluate",
        "commit": "c0ffee", "galleries": {"dress": {"size": 15, "hash": "beef", "queries": 7}},
        "effort": {"draws": 500, "subfeature_pictures": 40}, "rows": rows,
    }  # fmt: skip


def line(page: str, start: str) -> list[str]:
    """The cells of the first table row that starts so."""
    return next([c.strip() for c in row.split(" | ")] for row in page.splitlines() if row.startswith(f"| {start} |"))
