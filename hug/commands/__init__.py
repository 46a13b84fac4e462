"""The commands of `python -m hug`, one a file: `add` declares it, `run` is called with what was typed."""

from argparse import ArgumentParser, Namespace
from typing import Protocol

from hug.commands import (
    doctor,
    evaluate,
    export,
    gallery,
    index,
    info,
    plan,
    push,
    render,
    results,
    score,
    search,
    submission,
    train,
)


class Command(Protocol):
    """A module of this folder, named like its command."""

    HELP: str

    def add(self, to: ArgumentParser) -> None: ...

    def run(self, args: Namespace) -> int: ...


COMMANDS: dict[str, Command] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        render,
        export,
        doctor,
        plan,
        train,
        evaluate,
        score,
        submission,
        results,
        gallery,
        index,
        search,
        info,
        push,
    )
}
