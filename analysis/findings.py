"""`docs/findings.md`: what was found and what does not hold, from the prepared studies of released models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.claims import CLAIMS, Claim, Verdict
from analysis.registry import STUDIES
from analysis.store import Prepared
from hug.checkpoint import load, local_folder


def read_prepared(checkpoints: Sequence[str | Path]) -> dict[str, Prepared]:
    """Prepared studies by objective; by objective and folder where two share one.

    Raises ValueError for a checkpoint without them, or given twice.
    """
    found = []
    for checkpoint in checkpoints:
        folder = local_folder(checkpoint)
        model = load(folder)
        prepared = Prepared.load(folder, model)
        if prepared is None:
            raise ValueError(f"{folder} has no studies; run `python -m analysis prepare --checkpoint {folder}`")
        found.append((model.objective.name, folder.resolve().name, prepared))
    names = [o if [x[0] for x in found].count(o) == 1 else f"{o} ({name})" for o, name, _ in found]
    if len(set(names)) < len(names):
        raise ValueError("two checkpoints have the same objective and folder name; give each once, or rename one")
    return {name: prepared for name, (_, _, prepared) in zip(names, found, strict=True)}


def findings_page(models: Mapping[str, Prepared]) -> str:
    """The whole page. Raises ValueError for no model, or models studied on different data or galleries."""
    if not models:
        raise ValueError("no checkpoint given; name at least one")
    _same_ground(models)
    parts = [
        "# Findings",
        "Written by `python -m analysis findings`; don't edit. Claims that the paper's figures suggest are judged by "
        "the rule beside them, from tables of `python -m analysis prepare`; numbers in brackets bound a 95 % interval. "
        "What does not hold is said as plainly as what does.",
        "## What was studied", _conditions(models),
        "## Claims", _claims(models),
    ]  # fmt: skip
    for name, prepared in models.items():
        parts += [f"## {name}: in numbers", *_held(prepared), *_sentences(prepared)]
    return "\n\n".join(parts) + "\n"


def verdict(claim: Claim, prepared: Prepared) -> Verdict | None:
    """None where the study was skipped or its table lacks what the claim is about."""
    if claim.study not in prepared.tables:
        return None
    table = prepared.table(claim.study)
    return claim.judge(table) if len(table) else None


def _same_ground(models: Mapping[str, Prepared]) -> None:
    first_name, first = next(iter(models.items()))
    for name, other in models.items():
        if (other.data, other.gallery) != (first.data, first.gallery):
            raise ValueError(f"{first_name} and {name} were studied on different data; prepare both on the same")


def _conditions(models: Mapping[str, Prepared]) -> str:
    table = pd.DataFrame(
        {
            name: {
                "weights": f"`{p.weights}`",
                "data": f"{p.data.get('version', p.data['name'])}, split {p.data['split']}"
                if p.data
                else "gallery alone",
                "gallery": f"`{p.gallery}`",
                "commit": f"`{p.commit}`",
            }
            for name, p in models.items()
        }
    )
    rows = [["", *models], ["---"] * (1 + len(models))]
    return _lines(
        rows + [[str(label), *map(str, row)] for label, row in zip(table.index, table.to_numpy(), strict=True)]
    )


def _claims(models: Mapping[str, Prepared]) -> str:
    rows = [["claim", "rule", *models], ["---"] * (2 + len(models))]
    for claim in CLAIMS:
        found = [verdict(claim, prepared) for prepared in models.values()]
        words = ["not measured" if v is None else "holds" if v.holds else "**does not hold**" for v in found]
        rows.append([claim.text, claim.rule, *words])
    return _lines(rows)


def _held(prepared: Prepared) -> list[str]:
    found = [(claim, verdict(claim, prepared)) for claim in CLAIMS]
    parts = []
    for title, holds in (("### Holds", True), ("### Does not hold", False)):
        told = [f"- {claim.text}: {v.told}." for claim, v in found if v is not None and v.holds is holds]
        parts += [title, "\n".join(told) or "Nothing."]
    return parts


def _sentences(prepared: Prepared) -> list[str]:
    told = [
        f"- {study.question} {study.say(prepared.table(name))}"
        for name, study in STUDIES.items()
        if name in prepared.tables
    ]
    parts = ["### Study by study", "\n".join(told)]
    if prepared.skipped:
        parts += ["### Skipped", "\n".join(f"- {STUDIES[n].title}: {why}." for n, why in prepared.skipped.items())]
    return parts


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
