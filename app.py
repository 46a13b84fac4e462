"""Serve the page: parse the flags, open the sessions of models, build the page, launch."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hug.console import forgive_console, require_writable

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported


LOOPBACK = "localhost,127.0.0.1,::1"


def port(text: str) -> int:
    """A port; 0 is any free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, or 0 for any free one; got {text!r}")
    return int(text)


def free_port(host: str | None) -> int:
    """A port that nobody listens at now."""
    with socket.create_server((host or "127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def prepare_environment() -> None:
    """What Gradio reads of the environment when it is imported: no proxy for the app's own calls, a port that is one.

    Raises ValueError for a port that is none.
    """
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
    try:
        port(os.environ.get("GRADIO_SERVER_PORT") or "7860")
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"GRADIO_SERVER_PORT: {error}") from None


@contextmanager
def ending_on_request() -> Iterator[None]:
    """A request to end (SIGTERM, of a service or a container) does here what Ctrl-C does; a second adds nothing."""

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def parser() -> argparse.ArgumentParser:
    """The flags; host and port default to what GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say."""
    flags = argparse.ArgumentParser(description="Composed image retrieval one can question.")
    flags.add_argument(
        "--port", type=port, help="port to serve at, 0 for any free one (GRADIO_SERVER_PORT, else one from 7860)"
    )
    flags.add_argument("--host", help="address to serve at (GRADIO_SERVER_NAME, else 127.0.0.1)")
    flags.add_argument(
        "--checkpoint",
        action="append",
        help="folder or Hub id of a model (the bundled ones); may be given again for more models to choose from",
    )
    flags.add_argument("--gallery", help="folder of pictures or Parquet gallery to search (the bundled one)")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    forgive_console()
    args = parser().parse_args(argv)
    with ending_on_request():
        try:
            return start(args)
        except KeyboardInterrupt:
            print("\napp.py: stopped", file=sys.stderr)
            return 130


def start(args: argparse.Namespace) -> int:
    """Serve until it is ended; the exit status. Raises KeyboardInterrupt when it is ended before it serves."""
    from hug.files import reason, sweep

    try:
        prepare_environment()
        from analysis.session import CACHE, RUNS, Sessions  # torch and gradio load after the flags were understood
        from hug.retrieval.gallery import left_out_lines
        from ui import uploads
        from ui.page import build, launch

        require_writable(CACHE, "HUG_RUNS")
        place = uploads.folder()  # before anything is encoded, and before the page copies its first pictures there
        for left in (place, RUNS):  # where millions of files may lie: nobody waits for it
            threading.Thread(target=sweep, args=(left,), daemon=True).start()
        sessions = Sessions.load(args.checkpoint, args.gallery)
        left_out = sessions.get().left_out
        if left_out:
            print("\n".join([f"left out ({len(left_out)}):", *left_out_lines(left_out)]), file=sys.stderr)
        launch(build(sessions), args.host, free_port(args.host) if args.port == 0 else args.port)
    except (ValueError, OSError) as error:
        print(f"app.py: {reason(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
