"""Which sources of uncertainty are worth showing: those better than chance on the test split of this very model."""

from pathlib import Path

from hug.model import HUG

AT_CHANCE = 0.55  # without an interval, a measure at or below this counts as chance
TESTS = {  # source -> the metric that shows whether its uncertainty means anything; 0.5 is chance
    "r": "auroc.corruption.gallery",
    "t": "auroc.vague",
    "m": "accuracy.coordination.fit",
}


def untrusted(folder: Path, model: HUG) -> dict[str, float]:
    """Sources whose uncertainty is at chance (or inverted) on the test split of this very model, with the metric.

    A source counts as better than chance when the interval of its metric lies above 0.5. Without studies of these
    weights on the test split nothing is known and nothing is returned. Raises ValueError when they are damaged.
    """
    from analysis.store import StaleStudies, StudyStore  # it knows the studies, which know this module

    try:
        store = StudyStore.load(folder, model.weights_hash)
    except StaleStudies:
        return {}
    if store is None or store.origin.data.get("split") != "test":
        return {}
    tested = [(source, metric) for source, id in TESTS.items() for metric in store.metrics if metric.id == id]
    return {source: m.value for source, m in tested if (m.value <= AT_CHANCE if m.low is None else m.low <= 0.5)}
