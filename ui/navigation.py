"""From one tab to another and from a link into one."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from markupsafe import Markup

from analysis.session import QueryError, Session, Sessions
from ui.components import notice, pressed_number
from ui.deep_links import TAB
from ui.html import render
from ui.requests import safely
from ui.state import AT_ONCE, PRIVATE, State, signal

# What only reads prepared results doesn't wait for the model.
READING: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 4, "show_progress": "hidden", **PRIVATE}
NOT_SHARED = "No link: this model is your own and not shared. “Share by link” in the Train tab changes that."


def in_order(tab: str) -> dict[str, Any]:
    """Options of what shows a tab: like `READING`, but one after another. Of two side by side the one that was asked
    for first could end last, and its view would stay."""
    return {**READING, "concurrency_id": f"show-{tab}", "concurrency_limit": 1}


def view_link(sessions: Sessions, session: Session, tab: str, **choices: Any) -> Markup:
    """The link of a tab's view as HTML; what is empty is left out, and so is the model that the page opens with."""
    name = sessions.link_name(session.name)
    if not name:
        return render("note", text=NOT_SHARED)
    choices = {"model": "" if name == sessions.default else name, **choices}
    query = urlencode({TAB: tab, **{name: value for name, value in choices.items() if value not in ("", None)}})
    return render("link", address=f"?{query}", text="Link to this view")


class Parameters:
    """A link's parameters, checked against what exists; what does not is said in `notice` and left out.

    Raises QueryError when there is no such model.
    """

    def __init__(self, params: Mapping[str, str], sessions: Sessions) -> None:
        self.session = sessions.get(params.get("model") or None)
        self._params = params
        self._problems: list[str] = []

    def choice(self, name: str, choices: Sequence[str], default: str = "") -> str:
        """The value of a parameter, or the default."""
        value = self._params.get(name, "")
        if not value or value in choices:
            return value or default
        few = ", ".join(choices[:16]) + (f" … {choices[-1]}" if len(choices) > 16 else "")
        return self.refuse(name, f"does not exist here; there are {few or 'none'}", default)

    def share(self, name: str, most: float, default: float) -> float:
        """A parameter from 0 to `most`, or the default."""
        try:
            value = float(self._params.get(name) or default)
        except ValueError:
            value = -1
        return value if 0 <= value <= most else self.refuse(name, f"is not a share from 0 to {most:g}", default)

    def refuse(self, name: str, problem: str, default: Any) -> Any:
        self._problems.append(f"The link's {name} {self._params[name][:40]!r} {problem}. It was left out.")
        return default

    @property
    def notice(self) -> Markup:
        return notice(" ".join(self._problems))


def asking(session: Session, state: State, id: str | None = None, words: str | None = None) -> dict[Any, Any]:
    """Updates after which the Query tab asks with another picture, other words, or both.

    Raises QueryError when the loaded gallery has no such picture.
    """
    if id is not None and id not in session.index.ids:
        raise QueryError("This picture is not in the gallery that is loaded, so it can't be asked with.")
    updates: dict[Any, Any] = {state.asks: signal()}
    if id is not None:
        updates |= {state.reference: id, state.picture: str(session.thumbnail(id))}
    if words is not None:
        updates[state.words] = words
    return updates


def on_press_ask(press: Any, sessions: Sessions, state: State) -> None:
    """A press opens the Query tab and asks with picture and words of the pressed card; None leaves what is there."""

    def ask(model: str, event: gr.EventData) -> dict[Any, Any]:
        updates = asking(sessions.get(model), state, event.id, event.words)
        return {**updates, state.tabs: gr.Tabs(selected="query")}

    press(safely(ask), state.model, [state.reference, state.picture, state.words, state.tabs, state.asks], **READING)


def on_press_open(press: Any, state: State) -> None:
    """A press with the number of a component as its id opens its page in Sub-features, which shows it when selected."""

    def open_component(event: gr.EventData) -> tuple[int, Any]:
        return pressed_number(event), gr.Tabs(selected="sub-features")

    press(safely(open_component), None, [state.component, state.tabs], **AT_ONCE)
