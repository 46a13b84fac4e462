"""Serve the page: parse the flags, open the sessions of models, build the page, launch."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported


def parser() -> argparse.ArgumentParser:
    """The flags; host and port default to what GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say."""
    flags = argparse.ArgumentParser(description="Composed image retrieval one can question.")
    flags.add_argument("--port", type=int, help="port to serve at (GRADIO_SERVER_PORT, else the first free from 7860)")
    flags.add_argument("--host", help="address to serve at (GRADIO_SERVER_NAME, else 127.0.0.1)")
    flags.add_argument(
        "--checkpoint",
        action="append",
        help="folder or Hub id of a model (the bundled ones); may be given again for more models to choose from",
    )
    flags.add_argument("--gallery", help="folder of pictures or Parquet gallery to search (the bundled one)")
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        from analysis.session import Sessions  # torch and gradio load after the flags were understood
        from hug.retrieval.gallery import left_out_lines
        from ui.page import build, launch

        sessions = Sessions.load(args.checkpoint, args.gallery)
        left_out = sessions.get().left_out
        if left_out:
            print("\n".join([f"{len(left_out)} files are left out:", *left_out_lines(left_out)]), file=sys.stderr)
        launch(build(sessions), args.host, args.port)
    except (ValueError, OSError) as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
