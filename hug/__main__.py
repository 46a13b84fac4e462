"""`python -m hug`: train, measure and use models; one file a command in `hug/commands`."""

import sys
from collections.abc import Sequence

from hug.commands import COMMANDS
from hug.commands.options import Parser
from hug.console import forgive_console
from hug.files import reason


def parser() -> Parser:
    top = Parser(prog="python -m hug", description=__doc__.splitlines()[0] if __doc__ else None)
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, command in COMMANDS.items():
        command.add(commands.add_parser(name, help=command.HELP))
    return top


def main(argv: Sequence[str] | None = None) -> int:
    forgive_console()
    args = parser().parse_args(argv)
    try:
        return COMMANDS[args.command].run(args)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"python -m hug {args.command}: {reason(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\npython -m hug {args.command}: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
