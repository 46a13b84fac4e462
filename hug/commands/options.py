"""What the commands share: their parser, options typed from the configuration, and the command as it was typed."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

from pydantic import AliasChoices

from hug.config import Section, TrainConfig
from hug.console import BUNDLED

NOT_TYPED = ("name", "required")  # set by the preset and by what was typed

S = TypeVar("S", bound=Section)


class Parser(argparse.ArgumentParser):
    """An error is one clear line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def add_fields(to: argparse.ArgumentParser, kind: type[Section], only: Sequence[str] = ()) -> None:
    """One option for each field of a section of the configuration, typed and explained by it."""
    group = to.add_argument_group(kind.__name__)
    for name, field in kind.model_fields.items():
        if name in NOT_TYPED or (only and name not in only):
            continue
        hint: Any = field.annotation
        help = f"{field.description} (default {field.default})".replace("%", "%%")
        option: dict[str, Any] = {"dest": name, "default": None, "help": help}
        if hint is bool:
            option["action"] = argparse.BooleanOptionalAction
        elif get_origin(hint) is tuple:
            option |= {"nargs": "+", "type": get_args(hint)[0]}
        else:
            option |= {"choices": get_args(hint)} if get_origin(hint) is Literal else {"type": hint}
        aliases = field.validation_alias  # names of earlier versions
        names = aliases.choices if isinstance(aliases, AliasChoices) else [name]
        group.add_argument(*(f"--{str(n).replace('_', '-')}" for n in names), **option)


def add_checkpoint(to: argparse.ArgumentParser, default: str | None = BUNDLED) -> None:
    """`--checkpoint`, required where it has no default."""
    note = " (%(default)s)" if default else ""
    to.add_argument("--checkpoint", default=default, required=default is None, help=f"folder or Hub id{note}")


def add_milvus(to: argparse.ArgumentParser) -> None:
    """`--milvus` and `--collection`."""
    to.add_argument("--milvus", help="address of a Milvus server (http://host:19530), or a file ending in .db")
    to.add_argument("--collection", default="gallery", help="its collection (%(default)s)")


def add_device(to: argparse.ArgumentParser) -> None:
    to.add_argument("--device", default="auto", help=TrainConfig.model_fields["device"].description)


def with_options(args: argparse.Namespace, base: S) -> S:
    """A section with the typed options put in."""
    options = {name: getattr(args, name, None) for name in type(base).model_fields if name not in NOT_TYPED}
    return base.replace(**{name: value for name, value in options.items() if value is not None})


def command_line() -> str:
    """The command as it was typed."""
    return "python -m hug " + shlex.join(sys.argv[1:])
