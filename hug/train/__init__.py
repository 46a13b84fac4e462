"""One training loop: step, validate, checkpoint, resume, stop."""

from hug.train.trainer import Outcome, train

__all__ = ["Outcome", "train"]
