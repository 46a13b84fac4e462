"""What the Train tab shows of a training: where it stands, its curves, and how it compares."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pandas as pd

from analysis import training_log
from hug.files import replacing
from hug.train.jobs import FAILED, FINISHED, RUNNING, STOPPING, Job
from ui import train_wording as wording
from ui.components import NOTHING, drawn, told

PACKED = (  # of a checkpoint folder; not what only resuming needs
    "config.json", "model.safetensors", "training.jsonl", "measurements.json", "calibration.json",
    "validation.parquet", "test.parquet", "gallery.safetensors", "gallery.json",
)  # fmt: skip
CURVES = {  # elem_id -> (table, figure, sentence, title, question)
    "train-losses": (
        training_log.losses, training_log.draw_losses, training_log.say_losses, wording.LOSSES, wording.LOSSES_QUESTION,
    ),
    "train-recalls": (
        training_log.recalls, training_log.draw_recalls, training_log.say_recalls, wording.RECALLS,
        wording.RECALLS_QUESTION,
    ),
    "train-scales": (
        training_log.scales, training_log.draw_scales, training_log.say_scales, wording.SCALES, wording.SCALES_QUESTION,
    ),
    "train-variances": (
        training_log.variances, training_log.draw_variances, training_log.say_variances, wording.VARIANCES,
        wording.VARIANCES_QUESTION,
    ),
}  # fmt: skip


def label(job: Job) -> str:
    """A training in a list."""
    return wording.LABEL.format(**{**job.about, "status": job.status})


def standing(job: Job | None) -> str:
    """HTML: what it is doing, how far it is, how long it takes, and what went wrong."""
    if job is None:
        return ""
    records = training_log.read(job.folder)
    now = training_log.progress(records)
    said = wording.STATUS[job.status]
    if job.status == RUNNING:
        said = wording.DOING.get(job.step, "")
        if job.step == "train" and now.steps:
            left = wording.LEFT_UNKNOWN if now.left is None else wording.LEFT.format(minutes=spoken(now.left))
            said = wording.TRAINING.format(step=now.step, steps=now.steps, left=left)
    elif job.status == FAILED:
        said = f"{said}: {job.error}"
    facts = []
    if now.best is not None:
        facts.append(wording.FACTS_BEST.format(best=100 * now.best, step=now.best_step))
    if now.memory is not None:
        facts.append(wording.FACTS_MEMORY.format(memory=now.memory))
    steps = "".join(
        f'<li class="{kind}"><span aria-hidden="true">{mark}</span> {html.escape(name)}</li>'
        for name, kind, mark in _marked(job)
    )
    note = f'<p class="hug-note">{html.escape(" · ".join(facts))}</p>' if facts else ""
    return (
        f'<section class="hug-run"><p class="hug-verdict" role="status">{html.escape(said)}</p>'
        f'<ol class="hug-steps-of">{steps}</ol>{note}</section>'
    )


def _marked(job: Job) -> list[tuple[str, str, str]]:
    found = []
    for step in job.steps:
        name = wording.STEP_NAMES.get(step.name, step.name)
        if step.name in job.done:
            found.append((name, "done", "✓"))
        elif step.name == job.step and job.status in (RUNNING, STOPPING):
            found.append((name, "now", "▸"))
        elif step.name == job.step and job.status == FAILED:
            found.append((name, "wrong", "✗"))
        else:
            found.append((name, "later", "·"))
    return found


def spoken(seconds: float) -> str:
    """A time for people: "40 seconds", "3 minutes", "2 hours"."""
    for size, name in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= 1.5 * size:
            return f"{round(seconds / size)} {name}s"
    return "1 minute" if seconds >= 50 else f"{max(round(seconds / 10) * 10, 10)} seconds"


def curves(job: Job | None) -> list[str]:
    """The values of the figures in the order of `CURVES`; nothing before the training began."""
    records = training_log.read(job.folder) if job else []
    if not records or job is None:
        return [NOTHING] * len(CURVES)
    shown = []
    for elem_id, (table_of, draw, say, title, question) in CURVES.items():
        table = table_of(records)
        shown.append(
            drawn(
                draw(table), title=title, question=question, sentence=say(table), table=table,
                name=f"{job.id}-{elem_id}", elem_id=elem_id,
            )
            if len(table)
            else told(say(table), title, question)
        )  # fmt: skip
    return shown


def comparison(jobs: Sequence[Job]) -> str:
    """The value of a figure: recall of all trainings, with a table of settings and measures."""
    if len(jobs) < 2:
        return NOTHING
    names = {job.id: f"{n}. {job.about['objective']}" for n, job in enumerate(reversed(jobs), 1)}
    runs = {names[job.id]: training_log.read(job.folder) for job in reversed(jobs)}
    table = training_log.compared(runs)
    rows = pd.DataFrame([{"training": names[job.id], **_row(job, runs[names[job.id]])} for job in reversed(jobs)])
    return drawn(
        training_log.draw_compared(table) if len(table) else None, title=wording.COMPARED,
        question=wording.COMPARED_QUESTION, sentence=training_log.say_compared(table), table=rows,
        name="trainings", elem_id="train-compared",
    )  # fmt: skip


def _row(job: Job, records: training_log.Records) -> dict[str, Any]:
    about = {k: v for k, v in job.about.items() if k != "changed"}
    changed = ", ".join(f"{k} {v}" for k, v in job.about.get("changed", {}).items())
    measures = measured(job.folder)
    best = training_log.progress(records).best
    return {
        **about, "changed": changed, "status": job.status,
        "best R@10, validation": None if best is None else 100 * best,
        **{said: measures.get(name) for name, said in wording.COLUMNS.items()},
    }  # fmt: skip


def measured(folder: Path) -> dict[str, float]:
    """Measures on the test split by name; empty before they were made."""
    try:
        rows = json.loads((folder / "measurements.json").read_text())["rows"]
        return {row["measure"]: row["value"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def packed(job: Job) -> Path:
    """A ZIP archive of the checkpoint, its index and its prepared studies, in the job's own folder."""
    path = job.folder / f"{job.id}.zip"
    files = [job.folder / name for name in PACKED if (job.folder / name).exists()]
    files += sorted((job.folder / "analysis").glob("*"))
    with replacing(path) as temporary, ZipFile(temporary, "w", ZIP_STORED) as archive:
        for file in files:
            archive.write(file, Path(job.id) / file.relative_to(job.folder))
    return path


def stamp(job: Job | None) -> list[Any]:
    """What changes whenever something new can be shown of a training."""
    if job is None:
        return []
    sizes = [
        path.stat().st_size if path.exists() else 0
        for path in (job.folder / "training.jsonl", job.folder / "log.txt", job.folder / "measurements.json")
    ]
    return [job.id, job.status, job.step, len(job.done), *sizes]


def usable(job: Job | None) -> bool:
    """Whether the tabs can be answered by it."""
    return job is not None and job.status == FINISHED
