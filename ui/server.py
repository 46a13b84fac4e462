"""The server around the page: its boundary, its patience with half-sent requests, its uploads swept by age."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from hug.data.images import MAX_BYTES
from ui.boundary import Boundary
from ui.requests import Page
from ui.uploads import LOOK, Uploads, folder, sweep
from ui.visits import Visits

HEAD = 20.0  # seconds in which a request's head must come, and a connection without one may last
CONNECTIONS = 768  # open at once; a process may often have 1,024 files open
PROXIES = "127.0.0.1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"  # whose word on a visitor's address is taken on a Space


class Patient(H11Protocol):
    """A connection that is closed when the head of a request does not come."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self._seen: Any = None
        self._timer = self.loop.call_later(HEAD, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if timer := getattr(self, "_timer", None):
            timer.cancel()

    def _look(self) -> None:
        """Twice in a row at rest after the same request (or before the first): nothing more is waited for."""
        rests = self.cycle is None or self.cycle.response_complete
        if rests and (self.cycle is None or self._seen is self.cycle):
            self.transport.close()
            return
        self._seen = self.cycle if rests else None
        self._timer = self.loop.call_later(HEAD / 2, self._look)


def serve(page: Page, host: str | None, port: int | None, wait: bool = True, **options: Any) -> tuple[Any, str, str]:
    """Launch the page behind its boundary; with `wait` until it is interrupted. Raises OSError for a port in use."""
    on_space = bool(os.environ.get("SPACE_ID"))
    if on_space:
        os.environ.setdefault("FORWARDED_ALLOW_IPS", PROXIES)  # uvicorn's setting
    visits, uploads = Visits(), Uploads(folder())
    boundary = Middleware(Boundary, visits=visits, uploads=uploads, hosts=hosts(host, on_space), framed=on_space)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        visits.set_blocks(page)
        app.state_holder = visits
        task = asyncio.create_task(_sweep_forever(page, uploads))
        try:
            yield
        finally:
            task.cancel()

    try:
        answer = page.launch(
            server_name=host, server_port=port, max_file_size=MAX_BYTES, ssr_mode=False, run_history=False,
            enable_monitoring=False, app_kwargs={"middleware": [boundary], "lifespan": lifespan},
            prevent_thread_lock=True, **options,
        )  # fmt: skip
        page.server.config.http_protocol_class = Patient
        if wait:
            page.block_thread()  # which closes the page itself when it is interrupted
        return answer
    except KeyboardInterrupt:
        page.close(verbose=False)
        raise


def hosts(host: str | None, on_space: bool) -> list[str]:
    """The names that the page may be called by: its own, those of HUG_HOSTS; any on a Space, which is public."""
    named = os.environ.get("HUG_HOSTS", "*" if on_space else "").split(",")
    return [name for name in (host or os.environ.get("GRADIO_SERVER_NAME", ""), *named) if name.strip()]


async def _sweep_forever(page: Page, uploads: Uploads) -> None:
    """Old uploads go at the start, whatever ended the app before, and then again and again."""
    while True:
        keep = {str(path) for block in page.blocks.values() for path in block.keep_in_cache}
        await asyncio.to_thread(sweep, uploads.place, most=uploads.most, keep=keep)
        await asyncio.sleep(LOOK)
