"""`docs/results.md` (aims, guards, baselines, ablations, every metric) and `docs/findings.md` (claims and studies)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from jinja2 import StrictUndefined, Template

from analysis import training_log
from analysis.registry import STUDIES
from analysis.store import StudyStore
from analysis.targets import AIMS, GUARDS, Aim, is_met, judged_claims, outcome
from hug.checkpoint import load, local_folder, shown_name
from hug.evaluate.baselines import BASELINES
from hug.evaluate.bootstrap import Interval
from hug.evaluate.measurements import WORDS, Measurements, Metric, definition
from hug.evaluate.query_table import paired_recall, read_queries

T = TypeVar("T")
RECALL = "recall.10.clean"
NOT_MEASURED = "not measured"
TEXTS = json.loads(Path(__file__).with_name("pages.json").read_text(encoding="utf-8"))
COLUMNS: dict[str, str] = TEXTS["ablations"]  # of that table: title -> metric
SILENT = ("root", "cache", "threads", "save_every", "required", "device", "format")  # settings that change no number


@dataclass(frozen=True)
class Results:
    """All that was measured of one checkpoint: by `hug evaluate`, and by the studies on the same data and weights."""

    folder: Path
    measurements: Measurements
    studies: StudyStore | None

    @staticmethod
    def load(checkpoint: str | Path) -> Results:
        """Raises ValueError for a checkpoint that was not measured, or whose files are damaged."""
        folder = local_folder(checkpoint)
        measurements = Measurements.load(folder)
        if measurements is None:
            raise ValueError(f"{folder} has no measurements.json; run python -m hug evaluate on it")
        return Results(folder, measurements, StudyStore.load(folder, measurements.weights))

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """By id; those of studies only when they were made on the same split of the same data."""
        metrics = list(self.measurements.metrics)
        if self.studies is not None:
            data = {"split": self.measurements.split, **self.measurements.data}
            if data.items() <= self.studies.origin.data.items():
                metrics += self.studies.metrics
        return {m.id: m for m in metrics}

    @cached_property
    def queries(self) -> pd.DataFrame | None:
        """One row a query, where it was stored; see `query_table`."""
        return read_queries(self.folder, self.measurements.split, self.measurements.weights)


def read_results(checkpoints: Sequence[str | Path]) -> dict[str, Results]:
    """Checkpoint folders or Hub ids by objective; by objective and folder where two share one.

    Raises ValueError as `Results.load` does, or when one is given twice.
    """
    results = [Results.load(c) for c in checkpoints]
    return _by_objective([(r.measurements.objective, r.folder, r) for r in results])


def read_studies(checkpoints: Sequence[str | Path]) -> dict[str, StudyStore]:
    """Stored studies, named alike. Raises ValueError for a checkpoint without them, or given twice."""
    stores = []
    for folder in map(local_folder, checkpoints):
        model = load(folder)
        store = StudyStore.load(folder, model.weights_hash)
        if store is None:
            raise ValueError(f"{folder} has no studies; run `python -m analysis measure --checkpoint {folder}`")
        stores.append((model.objective.name, folder, store))
    return _by_objective(stores)


def _by_objective(items: Sequence[tuple[str, Path, T]]) -> dict[str, T]:
    objectives = [objective for objective, _, _ in items]
    names = [o if objectives.count(o) == 1 else f"{o} ({shown_name(folder)})" for o, folder, _ in items]
    if len(set(names)) < len(names):
        raise ValueError("two checkpoints have the same objective and folder name; give each once, or rename one")
    return {name: item for name, (_, _, item) in zip(names, items, strict=True)}


def _same(kind: str, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises ValueError without models, or when one differs from the first: their columns could not be compared."""
    if not facts:
        raise ValueError("no checkpoint given; name at least one")
    first_name, first = next(iter(facts.items()))
    for name, fact in facts.items():
        for key, value in fact.items():
            if value != first[key]:
                raise ValueError(f"{first_name} and {name} were {kind} with different {key}; do both on the same")


# ---- results ----


def results_page(results: Mapping[str, Results], ablations: str = "") -> str:
    """The whole of `docs/results.md`; `ablations` is the text of that section, left out where empty.

    Raises ValueError without results, or when they are of different galleries, splits or protocols.
    """
    keys = ("protocol", "split", "data", "galleries")  # ids alone don't tell two versions of the data apart
    _same("measured", {name: {k: getattr(r.measurements, k) for k in keys} for name, r in results.items()})
    return _page(
        "results.md", conditions=beside({name: _conditions(r.measurements) for name, r in results.items()}),
        galleries=_galleries(next(iter(results.values())).measurements),
        aims=aims_table(results, AIMS, above_paper(results)), guards=aims_table(results, GUARDS, title="guard"),
        baselines=_baselines(results), ablations=ablations, metrics=_every_metric(results),
    )  # fmt: skip


def above_paper(results: Mapping[str, Results]) -> dict[str, Interval | None]:
    """R@10 on clean queries of each checkpoint above the best one trained with `paper`, None where unknown.

    A paired difference where both stored their queries; otherwise without an interval.
    """
    papers = [r for r in results.values() if r.measurements.objective == "paper" and RECALL in r.metrics]
    if not papers:
        return {}
    best = max(papers, key=lambda r: r.metrics[RECALL].value)

    def above(own: Results) -> Interval | None:
        paired = paired_recall(own.queries, best.queries)
        if paired is not None or RECALL not in own.metrics:
            return paired
        return Interval(own.metrics[RECALL].value - best.metrics[RECALL].value, math.nan, math.nan)

    return {name: above(r) for name, r in results.items()}


def aims_table(
    results: Mapping[str, Results],
    aims: Sequence[Aim] = AIMS,
    lead: Mapping[str, Interval | None] | None = None,
    title: str = "aim",
) -> str:
    """Every aim beside what each checkpoint reached, with intervals, met or missed; `lead` is of `above_paper`."""

    def cell(aim: Aim, name: str, own: Results) -> str:
        if aim.comparison == "≥ paper" and own.measurements.objective == "paper":
            return "–"
        reached = outcome(aim, own.metrics, (lead or {}).get(name))
        if reached is None:
            return NOT_MEASURED
        return f"{_cell(reached)} {'met' if is_met(aim, reached.value) else '**missed**'}"

    rows = ([aim.name, _bound(aim), *(cell(aim, name, r) for name, r in results.items())] for aim in aims)
    return table([title, "bound", *results], rows)


def _bound(aim: Aim) -> str:
    slack = f" ± {number(aim.slack)}" if aim.slack else ""
    return f"{aim.comparison.split()[0]} {number(aim.bound) if aim.bound else '0'}{slack}"


def _conditions(m: Measurements) -> dict[str, str]:
    return {
        "protocol": f"{m.protocol}, split {m.split}", "data": _version(m.data), "weights": f"`{m.weights}`",
        "backbone": f"`{m.backbone}`" + (m.preprocessing and f", {m.preprocessing}"),
        "resamples": str(m.effort.get("draws", "unknown")),
        "command": f"`{m.command}`", "commit": f"`{m.commit}`",
    }  # fmt: skip


def _version(data: Mapping[str, Any]) -> str:
    if not data:
        return "without a version"
    named = [f"{data['version']}, seed {data['seed']}"] if "version" in data else []  # generated data
    return ", ".join([*named, f"`{data['sha256'][:16]}`"])


def _galleries(measurements: Measurements) -> str:
    rows = ([c, str(g["size"]), f"`{g['hash']}`", str(g["queries"])] for c, g in measurements.galleries.items())
    return table(["category", "pictures", "hash of the ids", "queries"], rows)


def _baselines(results: Mapping[str, Results]) -> str:
    cuts = {"R@1": "recall.1", "R@10": "recall.10", "R@50": "recall.50", "MRR": "mrr"}
    methods = {f".{name}": WORDS["method"][name] for name in (*BASELINES, "point", "means")} | {"": "HUG"}
    rows = (
        [name, title, *(_cell(r.metrics.get(f"{cut}.all{method}")) for cut in cuts.values())]
        for name, r in results.items()
        for method, title in methods.items()
    )
    return table(["all queries", "method", *cuts], rows)


def _every_metric(results: Mapping[str, Results]) -> str:
    ids = dict.fromkeys(id for r in results.values() for id in r.metrics)
    rows = ([" ".join(definition(id)).strip(), *(_cell(r.metrics.get(id)) for r in results.values())] for id in ids)
    return f"↑ higher is better, ↓ lower.\n\n{table(['measure', *results], rows)}"


def _cell(metric: Metric | None) -> str:
    """A value with its interval and its note, where it has them."""
    if metric is None:
        return NOT_MEASURED
    bounds = [number(end) for end in (metric.low, metric.high) if end is not None and not math.isnan(end)]
    parts = [
        number(metric.value),
        f"[{', '.join(bounds)}]" if bounds else "",
        f"({metric.note})" if metric.note else "",
    ]
    return " ".join(filter(None, parts))


# ---- ablations ----


def ablations_section(runs: Sequence[Results]) -> str:
    """A table a split: each run's folder, steps, what differs from the first run, and its metrics.

    Raises ValueError when a configuration can't be read, or two runs of a split were measured on other data.
    """
    base = configuration(runs[0].folder)
    texts = []
    for split in dict.fromkeys(r.measurements.split for r in runs):
        part = [r for r in runs if r.measurements.split == split]
        facts = {shown_name(r.folder): r.measurements for r in part}
        _same("measured", {name: {"data": m.data, "galleries": m.galleries} for name, m in facts.items()})
        rows = [_ablation(r, base, "the released one" if r is runs[0] else "") for r in part]
        titles = ["run", "steps", "differs in", "resamples, pictures", *COLUMNS]
        texts += [TEXTS["splits"].get(split, f"On the split {split}."), table(titles, rows)]
    return "\n\n".join(texts)


def _ablation(run: Results, base: Mapping[str, Any], difference_text: str) -> list[str]:
    own = configuration(run.folder)
    pictures = run.studies.origin.effort.get("pictures", "unknown") if run.studies else "unknown"
    return [
        shown_name(run.folder), str(own.get("training.steps", "unknown")),
        difference_text or difference(base, own) or "nothing",
        f"{run.measurements.effort.get('draws', 'unknown')}, {pictures} a category",
        *(_cell(run.metrics.get(id)) for id in COLUMNS.values()),
    ]  # fmt: skip


def stored_ablations(page: str) -> str:
    """The section of ablations of an earlier page; empty without one."""
    _, heading, rest = page.partition("## Ablations\n\n")
    return rest.partition("\n\n## ")[0] if heading else ""


def configuration(folder: Path) -> dict[str, Any]:
    """Every setting of a run by its dotted name: of its training where `training.jsonl` tells it, else of its model.

    Raises ValueError when neither file can be read.
    """
    try:
        records = training_log.read(folder)
        if records:
            return _flat(records[0]["config"])
        config = json.loads((folder / "config.json").read_text())
        return _flat({part: config[part] for part in ("model", "objective")})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} doesn't tell its configuration: {type(error).__name__} {error}") from error


def difference(base: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """What `own` sets otherwise, as "name value (instead of value)"; settings that only one of the two has count."""
    parts = []
    for name in dict.fromkeys([*base, *own]):
        short = name.split(".")[-1]
        if short not in SILENT and base.get(name) != own.get(name):
            new, old = (_setting(settings.get(name, "unset")) for settings in (own, base))
            parts.append(f"{'objective' if name == 'objective.name' else short} {new} (instead of {old})")
    return "; ".join(parts)


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{part}.{name}": value for part, values in config.items() for name, value in values.items()}


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# ---- findings ----


def findings_page(stores: Mapping[str, StudyStore]) -> str:
    """The whole of `docs/findings.md`. Raises ValueError for no model, or models of different data or galleries."""
    _same("studied", {n: {"data": s.origin.data, "gallery": s.origin.gallery} for n, s in stores.items()})
    judged = judged_claims(list(stores.values()))
    words = {None: NOT_MEASURED, True: "holds", False: "**does not hold**"}
    rows = ([c.text, c.rule, *(words[v.holds if v else None] for v in verdicts)] for c, verdicts in judged)
    return _page(
        "findings.md", conditions=beside({n: _study_conditions(s) for n, s in stores.items()}),
        claims=table(["claim", "rule", *stores], rows), stores=stores, studies=STUDIES,
        verdicts={name: [(c, v[n]) for c, v in judged if v[n] is not None] for n, name in enumerate(stores)},
    )  # fmt: skip


def _study_conditions(store: StudyStore) -> dict[str, str]:
    data = store.origin.data
    return {
        "weights": f"`{store.origin.weights}`",
        "data": f"{data.get('version', data['name'])}, split {data['split']}" if data else "gallery alone",
        "gallery": f"`{store.origin.gallery}`",
        "commit": ", ".join(dict.fromkeys(f"`{r.commit}`" for r in store.records.values())),
    }


# ---- Markdown ----


def _page(name: str, **parts: Any) -> str:
    """A page from its template, which lies beside this file."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return Template(text, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True).render(parts)


def beside(facts: Mapping[str, Mapping[str, str]]) -> str:
    """A table with a column for each model and a row for each fact; the first model names the facts."""
    names = next(iter(facts.values()))
    return table(["", *facts], ([name, *(own[name] for own in facts.values())] for name in names))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def number(value: float) -> str:
    """A count (an int) as it is; other numbers to three or four places."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "undefined"
    if float(value).is_integer() and abs(value) >= 2:
        return str(int(value))
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
