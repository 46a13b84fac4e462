"""One training loop: step, validate, checkpoint, resume, stop."""

from hug.train.loop import Outcome, train

__all__ = ["Outcome", "train"]
