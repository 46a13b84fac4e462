"""A checkpoint's card for the Hub: what it is, how to use it, what was measured by which protocol, what never was.

Everything comes from the files of the checkpoint; what they don't say is said to be unknown.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from hug.evaluate.measurements import FILE, Measurements, Metric
from hug.evaluate.protocols import OLD_NAMES, PROTOCOLS

TEMPLATE = Path(__file__).with_name("card.md")
METRICS = (  # metrics that a card shows, where they were measured
    "recall.1.all", "recall.5.all", "recall.10.all", "recall.50.all", "recall.1.subset", "recall.2.subset",
    "recall.3.subset", "average.gallery", "average.subset", "mrr.all", "recall.10.clean",
    "recall.10.all.reference", "recall.10.all.words", "recall.10.all.sum", "recall.10.all.point", "ece.all",
    "auroc.miss.chance.all", "auroc.miss.top1.all",
)  # fmt: skip
STUDIES = ("auroc.corruption.gallery", "auroc.vague", "accuracy.coordination.fit", "tracked.unseen")


def model_card(folder: Path, weights: str, name: str = "OWNER/NAME") -> str:
    """Markdown with the Hub's metadata in front, of a checkpoint folder whose weights have that hash.

    Measurements of other weights are left out. Raises ValueError when a file of it can't be read.
    """
    config = json.loads((folder / "config.json").read_text())
    measured = list(_measured(folder, weights))
    data = ModelCardData(
        license="apache-2.0", library_name="hug-cir", model_name=name.rpartition("/")[2], language="en",
        tags=["composed-image-retrieval", "uncertainty", "image-retrieval", "hug"],
        pipeline_tag="image-feature-extraction",
        eval_results=[result for m in measured for result in _results(m)] or None,
    )  # fmt: skip
    return TEMPLATE.read_text("utf-8").format(
        metadata=data.to_yaml(),
        title=name.rpartition("/")[2],
        name=name,
        facts=_table(("what", "value"), _facts(folder, config)),
        measurements="\n\n".join(_tables(folder, weights, measured)) or "Nothing was measured of these weights.",
        never="\n".join(f"- {line}" for line in _never(measured)),
    )


def _measured(folder: Path, weights: str) -> Iterator[Measurements]:
    """The checkpoint's own measurements, then those on other data and under other protocols."""
    for place in (folder, *sorted(path.parent for path in (folder / "results").glob(f"*/{FILE}"))):
        measured = Measurements.load(place)
        if measured and measured.weights == weights:
            yield measured


def _facts(folder: Path, config: dict[str, Any]) -> list[tuple[str, str]]:
    model, objective, backbone = config["model"], config["objective"], config["backbone"]
    start, last = _log(folder)
    training = start.get("config", {})
    data = training.get("data", {})
    return [
        ("objective", objective["name"]),
        ("Gaussians an item, K × D", f"{model['components']} × {model['dim']}"),
        ("frozen backbone", _backbone(backbone)),
        ("trained parameters", f"{start['parameters']:,}" if "parameters" in start else "unknown"),
        ("trained on", Path(data["root"]).name if "root" in data else "unknown"),
        ("steps × batch", f"{last} × {training['training']['batch']}" if "training" in training else "unknown"),
        ("command, seed, commit", _command(start)),
        ("weights", config["weights"]),
    ]


def _backbone(backbone: dict[str, Any]) -> str:
    name = backbone.get("name") or ":".join(filter(None, (backbone.get("kind"), backbone.get("source"))))
    revision = f"@{backbone['revision']}" if backbone.get("revision") else ""
    return f"{name}{revision} ({backbone['fingerprint'][:12]})"


def _command(start: dict[str, Any]) -> str:
    if not start:
        return "unknown"
    return f"`{start.get('command') or 'unknown'}`, {start.get('seed', 'unknown')}, {start.get('commit', 'unknown')}"


def _log(folder: Path) -> tuple[dict[str, Any], int]:
    """The record that began the training, and the last step; empty and 0 without a log."""
    path = folder / "training.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []
    start: dict[str, Any] = next((r for r in records if r.get("kind") == "start"), {})
    return start, max((r.get("step", 0) for r in records), default=0)


def _tables(folder: Path, weights: str, measured: Sequence[Measurements]) -> Iterator[str]:
    for each in measured:
        galleries = ", ".join(
            f"{category} {facts['size']:,} pictures and {facts['queries']:,} queries (hash {facts['hash']})"
            for category, facts in each.galleries.items()
        )
        data = each.data.get("version") or str(each.data.get("sha256", "unknown"))[:16]
        head = f"**Protocol {each.protocol}**, split {each.split} of {data}; galleries: {galleries}."
        metrics = {m.id: m for m in each.metrics}
        yield f"{head}\n\n{_metrics([metrics[id] for id in METRICS if id in metrics])}"
    studies = _studies(folder, weights)
    if studies:
        yield f"**Whether its uncertainty is right**, by the studies in `analysis/`:\n\n{_metrics(studies)}"


def _studies(folder: Path, weights: str) -> list[Metric]:
    """Metrics of stored studies of these weights."""
    path = folder / "analysis" / "about.json"
    if not path.exists():
        return []
    studies = json.loads(path.read_text()).get("studies", {}).values()
    stored = {m["id"]: Metric(**m) for s in studies if s.get("weights") == weights for m in s.get("metrics", [])}
    return [stored[id] for id in STUDIES if id in stored]


def _metrics(metrics: Sequence[Metric]) -> str:
    bounds = ["" if m.low is None or m.high is None else f"{m.low:.3f} to {m.high:.3f}" for m in metrics]
    rows = [(m.title, f"{m.value:.3f}", b, f"{m.count:,}") for m, b in zip(metrics, bounds, strict=True)]
    return _table(("metric", "value", "95 % interval", "of"), rows)


def _never(measured: Sequence[Measurements]) -> Iterator[str]:
    """Protocols without a measurement, and what no command of the project measures."""
    protocols = {OLD_NAMES.get(m.protocol, m.protocol) for m in measured}
    open_protocols = [name for name in PROTOCOLS if name not in protocols]
    if open_protocols:
        yield f"Recall under {', '.join(open_protocols)}: no number of this model may be cited for them."
    if measured and not any(m.id.startswith("recall.10.all.") for each in measured for m in each.metrics):
        yield "The baselines of one modality alone (reference only, words only)."
    yield "Pictures of people, bias between groups of people, languages other than English."
    yield "Text longer than the backbone reads, pictures that were altered to mislead it."


def _results(measured: Measurements) -> list[EvalResult]:
    """The Hub's own form of the recalls; a protocol is part of the data set's name there."""
    data = str(measured.data.get("version") or "unversioned")
    return [
        EvalResult(
            task_type="image-to-image-retrieval", dataset_type=data,
            dataset_name=f"{data}, protocol {measured.protocol}", dataset_split=measured.split,
            metric_type=m.id, metric_name=m.title, metric_value=round(float(m.value), 3),
        )
        for m in measured.metrics
        if m.id in ("recall.1.all", "recall.10.all", "recall.50.all")
    ]  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
