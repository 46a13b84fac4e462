"""What a visitor sends, made safe; what goes wrong, made into a sentence."""

import base64
import binascii
import html
import logging
from collections.abc import Callable
from copy import copy
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio_client.utils import is_file_obj_with_meta
from PIL import Image

from analysis.plots import sentence
from analysis.session import QueryError
from hug.data.images import MAX_BYTES, SENT, PictureError, open_picture
from hug.files import FULL
from hug.train.jobs import JobError

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger("hug.page")
MODELS = "model-pick"  # elem_id of the list of models
LISTED = 50  # models of a session's list
UNREADABLE = "The picture could not be read: send it as an uploaded file or as a data URL (data:image/png;base64,…)."
FULL_DISK = "The server's disk is full, so this can't be kept just now; try again later."
UNEXPECTED = "Something went wrong on our side; it is written in the server's log. Try once more, or another picture."


def error(message: str) -> gr.Error:
    """A message on the page or for an API client; what a person typed in it is shown, not interpreted."""
    return gr.Error(html.escape(message, quote=False), title="That did not work", print_exception=False)


def warn(message: str, title: str) -> None:
    """A warning on the page, shown as it is: Gradio would take what a person or a link says in it for HTML."""
    gr.Warning(html.escape(message), title=html.escape(title))


def inform(message: str) -> None:
    """A note on the page that goes away by itself, shown as it is."""
    gr.Info(html.escape(message), duration=5)


def safely(callback: Callable[P, R]) -> Callable[P, R]:
    """The callback with every failure as one sentence: an expected one as it is, another one logged."""

    @wraps(callback)
    def safe(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return callback(*args, **kwargs)
        except gr.Error:
            raise
        except (QueryError, PictureError) as problem:
            raise error(str(problem)) from problem
        except JobError as problem:
            raise error(sentence([str(problem)])) from problem
        except Exception as problem:
            if isinstance(problem, OSError) and problem.errno in FULL:
                raise error(FULL_DISK) from problem
            log.exception("unexpected error in %s", getattr(callback, "__name__", callback))
            raise error(UNEXPECTED) from problem

    return safe


def read_picture(sent: Any) -> Image.Image:
    """The picture of what Gradio received: an uploaded file, or a data URL.

    Raises QueryError when there is none and PictureError when it is not a picture within the limits.
    """
    if sent is None:
        raise QueryError("There is no reference picture: pick one from the gallery or upload one.")
    url, path = (sent.get("url") or "", sent.get("path")) if isinstance(sent, dict) else ("", None)
    if url.startswith("data:"):
        return open_picture(_decoded(url), SENT)
    if not path:
        raise PictureError(UNREADABLE)
    return open_picture(Path(path), SENT)


def _decoded(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.endswith(";base64") or len(body) > MAX_BYTES * 4 // 3 + 4:
        raise PictureError(UNREADABLE)
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as problem:
        raise PictureError(UNREADABLE) from problem


class Page(gr.Blocks):
    """Blocks that read no path and fetch no address for a visitor, and fill in what a call leaves out at its end."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """As Gradio's; what it can't read becomes one clear sentence."""
        if block_fn.api_visibility == "public":
            inputs = [*inputs, *(block.value for block in block_fn.inputs[len(inputs) :])]
        for place, block in enumerate(block_fn.inputs[: len(inputs)]):
            if isinstance(block, gr.Image):
                inputs[place] = check_address(inputs[place])
            elif block.elem_id == MODELS:
                widen(state, block._id, inputs[place])
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error:
            raise
        except Exception as problem:
            log.warning("unreadable request for %s: %s", block_fn.api_name, type(problem).__name__)
            raise error("The request could not be read; look at the list of parameters of this endpoint.") from problem


def widen(state: Any, id: int, name: Any) -> None:
    """Let a session ask with a model that its list doesn't name, as a link may: whether it may is checked there."""
    listed = state[id]
    if isinstance(name, str) and name not in [value for _, value in listed.choices]:
        state[id] = wider = copy(listed)
        wider.choices = [*listed.choices[-LISTED:], (name, name)]


def check_address(value: Any) -> Any:
    """A picture as sent, in the form Gradio checks: an uploaded file or a data URL (also as a bare string).

    A path is left to Gradio's check only with the mark of an upload: without it, Gradio would not check whether
    the file was uploaded at all. Raises gr.Error for addresses and unmarked paths.
    """
    if isinstance(value, str) and value.startswith("data:"):
        return {"url": value}
    if not isinstance(value, dict) or value.get("path") is None:
        return value
    if "://" in str(value["path"]):
        raise error("Addresses are not fetched: download the picture and upload it.")
    if not is_file_obj_with_meta(value):
        raise error(UNREADABLE)
    return value
