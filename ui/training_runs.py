"""What the Train tab shows of a visitor's trainings: how far each is, its curves, and how they compare."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zipfile import ZIP_STORED, ZipFile

import pandas as pd
from markupsafe import Markup

from analysis import training_log as log
from analysis.plots import sentence
from analysis.results_page import Results
from analysis.sharing import shared_name
from hug.files import replacing
from hug.train.jobs import DAMAGED, FAILED, FINISHED, RUNNING, STOPPING, Job
from ui.components import NOTHING, figure_value, table_figure
from ui.html import render, texts

ARCHIVE = (  # of a checkpoint folder; not what only resuming needs
    "config.json", "model.safetensors", "training.jsonl", "measurements.json", "calibration.json",
    "calibration.safetensors",
    "validation.parquet", "test.parquet", "gallery.safetensors", "gallery.json",
)  # fmt: skip
TEXTS = texts("training")
STEPS, STATUS = TEXTS["steps"], TEXTS["status"]
CURVES = {  # elem_id -> table, figure, sentence
    "train-losses": (log.losses, log.draw_losses, log.say_losses),
    "train-recalls": (log.recalls, log.draw_recalls, log.say_recalls),
    "train-scales": (log.scales, log.draw_scales, log.say_scales),
    "train-variances": (log.variances, log.draw_variances, log.say_variances),
}
COMPARISON = "Your trainings side by side"
MEASURES = {  # metrics -> columns of the comparison
    "recall.10.clean": "R@10 clean, test", "auroc.corruption.gallery": "degraded AUROC", "auroc.vague": "vague AUROC",
    "accuracy.coordination.fit": "conflict, paired", "auroc.miss.chance.all": "miss AUROC",
    "tracked.unseen": "aspects tracked",
}  # fmt: skip


@dataclass
class Run:
    """A job with what its log says, read once."""

    job: Job

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        return log.read(self.job.folder)

    @cached_property
    def progress(self) -> log.Progress:
        return log.progress(self.records)

    @property
    def busy(self) -> bool:
        return self.job.status in (RUNNING, STOPPING)

    @property
    def halted(self) -> bool:
        """Whether it can go on."""
        return not self.busy and not self.finished and self.job.status != DAMAGED

    @property
    def finished(self) -> bool:
        """Whether the tabs can be answered by it."""
        return self.job.status == FINISHED

    @property
    def has_weights(self) -> bool:
        return (self.job.folder / "model.safetensors").exists()

    @property
    def shared(self) -> str:
        """The name under which its owner lets anybody ask it; empty when not."""
        return shared_name(self.job.folder)

    @property
    def label(self) -> str:
        """As an item of a list."""
        about = self.job.about
        if self.job.status == DAMAGED:
            return f"{self.job.id[:9]} · {self.job.status}"
        return f"{about['objective']} · {about['size']} · {about['data']} · {about['steps']} steps · {self.job.status}"

    @property
    def state(self) -> Markup:
        """HTML: what it is doing, how far it is, how long it takes, and what went wrong."""
        facts = []
        if self.progress.best is not None:
            facts.append(f"best R@10 on validation {100 * self.progress.best:.1f} % (step {self.progress.best_step})")
        if self.progress.memory is not None:
            facts.append(f"memory {self.progress.memory:.0f} MB at most")
        address = f"?{urlencode({'tab': 'query', 'model': self.shared})}" if self.shared else ""
        return render("training", status=self._status, steps=self._steps, facts=facts, address=address)

    @property
    def _status(self) -> str:
        job, progress = self.job, self.progress
        if job.status == FAILED:
            return f"{STATUS[job.status]}: {job.error}"
        if job.status == DAMAGED:
            return sentence([job.error])
        if job.status != RUNNING:
            return STATUS[job.status]
        if job.step != "train" or not progress.steps:
            return STEPS[job.step][1]
        left = "time left not known yet" if progress.left is None else f"about {duration(progress.left)} left"
        return f"Step {progress.step} of {progress.steps}, {left}."

    @property
    def _steps(self) -> list[tuple[str, str]]:
        """Name and state of each step: done, now, wrong or later."""
        job = self.job
        current = "now" if self.busy else "wrong" if job.status == FAILED else "later"
        states = {job.step: current, **dict.fromkeys(job.done, "done")}
        return [(STEPS[step.name][0], states.get(step.name, "later")) for step in job.steps]

    def curve(self, elem_id: str) -> str:
        """The value of one of the figures of `CURVES`; nothing before the training began."""
        if not self.records:
            return NOTHING
        (measure, draw, say), (title, question) = CURVES[elem_id], TEXTS["curves"][elem_id]
        return table_figure(
            measure(self.records), draw, say, title=title, question=question, name=f"{self.job.id}-{elem_id}",
            elem_id=elem_id,
        )  # fmt: skip

    @property
    def summary(self) -> dict[str, Any]:
        """Settings and measures: a row of the comparison."""
        about, best, values = dict(self.job.about), self.progress.best, metrics(self.job.folder)
        changes = ", ".join(f"{name} {value}" for name, value in about.pop("changed", {}).items())
        return {
            **about, "changed": changes, "status": self.job.status,
            "best R@10, validation": None if best is None else 100 * best,
            **{column: values.get(id) for id, column in MEASURES.items()},
        }  # fmt: skip

    @property
    def stamp(self) -> list[Any]:
        """What changes whenever something new can be shown."""
        job = self.job
        paths = [job.folder / name for name in ("training.jsonl", "log.txt", "measurements.json")]
        sizes = [path.stat().st_size if path.exists() else 0 for path in paths]
        return [job.id, job.status, job.step, len(job.done), *sizes]

    def archive(self, place: Path) -> Path:
        """A ZIP of the checkpoint, its index and its prepared studies, below a folder of files to download."""
        folder = self.job.folder
        path = place / secrets.token_hex(16) / f"{self.job.id}.zip"
        files = [folder / name for name in ARCHIVE if (folder / name).exists()]
        with replacing(path) as temporary, ZipFile(temporary, "w", ZIP_STORED) as archive:
            for file in [*files, *sorted((folder / "analysis").glob("[!.]*"))]:
                archive.write(file, Path(self.job.id) / file.relative_to(folder))
        return path


def comparison(runs: Sequence[Run]) -> str:
    """The value of a figure: recall of all trainings, newest first, with a table of settings and measures."""
    if len(runs) < 2:
        return NOTHING
    by_name = {f"{n}. {run.job.about.get('objective', run.job.status)}": run for n, run in enumerate(reversed(runs), 1)}
    table = log.compared({name: run.records for name, run in by_name.items()})
    return figure_value(
        None if table.empty else log.draw_compared(table), title=COMPARISON,
        question="R@10 on validation of each, and below what was measured on test.",
        sentence=log.say_compared(table), name="trainings", elem_id="train-compared",
        table=pd.DataFrame([{"training": name, **run.summary} for name, run in by_name.items()]),
    )  # fmt: skip


def metrics(folder: Path) -> dict[str, float]:
    """Metrics on the test split by id; empty before they were measured."""
    try:
        return {id: metric.value for id, metric in Results.load(folder).metrics.items()}
    except ValueError:
        return {}


def duration(seconds: float) -> str:
    """A time for people: "40 seconds", "3 minutes", "2 hours"."""
    for size, name in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= 1.5 * size:
            return f"{round(seconds / size)} {name}s"
    return "1 minute" if seconds >= 50 else f"{max(round(seconds / 10) * 10, 10)} seconds"
