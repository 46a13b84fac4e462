"""One forward pass of a step: what `losses` compares.

Letters: B triplets, V views, K components, P image tokens.
"""

from collections.abc import Mapping, Sized

import torch
from torch import Tensor

from hug.config import ObjectiveConfig
from hug.gaussians import Gaussians
from hug.losses import (
    DegradedVariances,
    FaultyPictures,
    Negatives,
    Outputs,
    Pair,
    RemovedMeans,
    RemovedVariances,
)
from hug.model import HUG
from hug.train.batch import TrainBatch


def compute(model: HUG, batch: TrainBatch, objective: ObjectiveConfig) -> Outputs:
    """One forward pass: plain pictures in one call, joint pairs in one call, words in one call."""
    batch = batch.to(model.device)
    views, aspects, short = batch.degraded, batch.removed, batch.shortened
    parts = {"reference": batch.reference, "target": batch.target}
    if views:
        parts |= {"less": views.less, "more": views.more}
    if aspects:
        parts["removed"] = aspects.tokens
    if batch.originals:
        parts["originals"] = batch.originals.tokens
    if batch.decorrelation is not None:
        parts["decorrelation"] = batch.decorrelation
    pictures = model.qformer.project(torch.cat([*parts.values()]))  # every picture once: (R, P, H)
    plain = model.qformer.image(pictures)  # (R, K, H)
    joint, var_m, foreign, mined = _joint(model, batch, _by_name(pictures, parts)["reference"], objective)
    texts = {"whole": batch.words, **({"short": short.words} if short else {})}
    words = type(batch.words).cat([*texts.values()])
    var_t = _by_name(model.g_t(model.qformer.words(words)), texts)
    shortened = Pair(var_t["whole"][short.rows], var_t["short"]) if short else None
    var, by_name = _by_name(model.g_v(plain), parts), _by_name(plain, parts)
    target, negatives = by_name["target"], None
    if objective.reference_negatives and batch.reference_matches is not None:
        own = Gaussians(model.means(by_name["reference"]), var["reference"], var["reference"].new_zeros(len(target)))
        negatives = Negatives(own, batch.reference_matches)
    query = model.fuse(model.means(joint), var["reference"], var_t["whole"], var_m)
    return Outputs(
        query=query,
        target=Gaussians(model.means(target), var["target"], model.candidate_bias(target)),
        matches=batch.matches,
        foreign=foreign,
        degraded=DegradedVariances(var["target"][views.rows], var["less"], var["more"]) if views else None,
        shortened=shortened,
        mined=mined,
        faulty=_faulty(model, batch, by_name, var),
        aspects=RemovedMeans(model.means(target[aspects.rows]), model.means(by_name["removed"]), aspects.aspect)
        if aspects
        else None,
        negatives=negatives,
        removed=RemovedVariances(var["target"][aspects.rows], var["removed"], aspects.aspect) if aspects else None,
        clean=None if batch.clean is None else torch.cat([var["target"][batch.clean], var["decorrelation"]]),
    )


def _faulty(
    model: HUG, batch: TrainBatch, outputs: Mapping[str, Tensor], var: Mapping[str, Tensor]
) -> FaultyPictures | None:
    """The batch's pictures with a fault, and those without an aspect, beside what they were; from outputs and variances
    by name."""
    parts = []
    if batch.originals:
        rows, names = batch.originals.rows, ("reference", "target")
        seen, own = (torch.cat([values[name] for name in names])[rows] for values in (outputs, var))
        parts.append((seen, own, outputs["originals"], var["originals"]))
    if batch.removed:
        rows = batch.removed.rows
        parts.append((outputs["removed"], var["removed"], outputs["target"][rows], var["target"][rows]))
    if not parts:
        return None
    after, var_after, before, var_before = (torch.cat(column) for column in zip(*parts, strict=True))
    return FaultyPictures(model.means(after), var_after, model.means(before), var_before)


def _by_name(stack: Tensor, parts: Mapping[str, Sized]) -> dict[str, Tensor]:
    """The rows that a pass over all parts, one after another, gave for each."""
    return dict(zip(parts, stack.split([len(part) for part in parts.values()]), strict=True))


def _joint(
    model: HUG, batch: TrainBatch, pictures: Tensor, objective: ObjectiveConfig
) -> tuple[Tensor, Tensor, Pair | None, Pair | None]:
    """Joint outputs (B, K, H), var_m (B, K, D); the pairs of Eq. 9, and the same with mined references."""
    mined, shift = batch.mined, batch.shift
    parts = {"own": (pictures, batch.words)}
    if objective.cord:
        parts["foreign words"] = pictures, batch.foreign or batch.words.roll(shift)
    if objective.cord and objective.cord_reference:
        parts["foreign reference"] = pictures.roll(shift, 0), batch.words
    if mined:
        parts["lacks"] = model.qformer.project(mined.lacks), batch.words[mined.rows]
        if mined.fits is not None:
            parts["fits"] = model.qformer.project(mined.fits), batch.words[mined.rows]
    stacks = {name: images for name, (images, _) in parts.items()}
    words = type(batch.words).cat([words for _, words in parts.values()])
    outputs = model.qformer.joint(torch.cat([*stacks.values()]), words)
    var = _by_name(model.g_m(outputs), stacks)
    own = var["own"]
    foreign = [var[name] for name in ("foreign words", "foreign reference") if name in var]
    fitting = mined and [own[mined.rows], *([var["fits"]] if "fits" in var else [])]
    return (
        _by_name(outputs, stacks)["own"],
        own,
        Pair(own.repeat(len(foreign), 1, 1), torch.cat(foreign)) if foreign else None,
        Pair(torch.cat(fitting), var["lacks"].repeat(len(fitting), 1, 1)) if fitting else None,
    )
