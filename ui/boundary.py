"""What every request passes before Gradio sees it, and every answer after: host, path, size, pace, patience, headers.

Gradio serves more than this page uses (files of any type, stored copies of a page, recordings, a proxy): what isn't on
the list here isn't there. Bodies are read here, whole and bounded, so that nobody half sends one forever.
"""

import asyncio
import json
import logging
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, nullcontext
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hug.data.images import MAX_BYTES
from ui.uploads import Uploads
from ui.visits import Pace, Refusal, Visits, address_of

log = logging.getLogger("hug.page")
API = "/gradio_api"
GETS = re.compile(
    r"/|/config/?|/(assets|static|svelte)/.*|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/pwa_icon(/\d+)?"
    rf"|{API}/(info|app_id|startup-events|theme\.css|user|login_check|queue/(data|status)|upload_progress)/?"
    rf"|{API}/heartbeat/[\w-]{{1,64}}|{API}/call/(v2/)?\w{{1,64}}/[\w-]{{1,64}}|{API}/file=(?!.*://).*"
)
POSTS = re.compile(
    rf"{API}/(upload|queue/join|component_server|cancel|reset|(run|api)/\w{{1,64}}|call/(v2/)?\w{{1,64}})/?"
)
NAME = re.compile(r"[\w-]{1,64}")  # of a session or an event
JSON_BYTES = MAX_BYTES * 4 // 3 + 2**20  # a picture as a data URL, and what is asked beside it
UPLOAD_BYTES = MAX_BYTES + 2**16  # a picture, and what a form says beside it
BYTES_AT_ONCE = 128 * 2**20  # of all bodies that are being read or answered
BODIES = 16  # being read from one address at once
QUIET, PATIENCE = 15.0, 120.0  # seconds a body may pause, and may take
PACES = {"ask": (20.0, 240), "upload": (2.0, 60), "look": (60.0, 1200)}  # requests a second for long, and at once
POLICY = {
    "default-src": "'self'",
    # The page's own scripts stand in it, and Gradio makes functions of what components run.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
HUB = "https://huggingface.co https://*.huggingface.co https://*.hf.space"  # a Space's page shows the app in a frame


class Boundary:
    """An ASGI middleware around Gradio's app.

    `hosts` are the names it may be called by; addresses in numbers and localhost always may, "*" lets all. A name of
    somebody else's that leads here (DNS rebinding) would let their page read this one.
    """

    def __init__(
        self, app: Any, visits: Visits, uploads: Uploads, hosts: Collection[str] = (), framed: bool = False
    ) -> None:
        self.app, self.visits, self.uploads = app, visits, uploads
        self.hosts = {"localhost", socket.gethostname().lower(), *(name.strip().lower() for name in hosts)}
        self.headers = headers(framed)
        self.paces = {name: Pace(*limits) for name, limits in PACES.items()}
        self.quiet, self.patience, self.bytes_at_once = QUIET, PATIENCE, BYTES_AT_ONCE
        self._bytes, self._bodies = 0, Counter[str]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _Answer(send, self.headers))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Any, receive: Any, send: "_Answer") -> None:
        path, address = _path(scope), address_of(scope.get("client"))
        try:
            self.check(scope, path, address)
            if scope["method"] == "POST":
                await self._post(scope, receive, send, path, address)
            elif path == f"{API}/upload_progress":  # an upload is answered when it has come whole
                await Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")(scope, receive, send)
            else:
                with self._page(path, address):
                    await self.app(scope, receive, send)
        except Refusal as refusal:
            await send.refuse(scope, receive, refusal)
        except _Gone:
            return
        except Exception as problem:  # what Gradio does not foresee in a request is no reason for a traceback
            log.warning("unreadable request for %s: %s", path[:80], type(problem).__name__)
            await send.refuse(scope, receive, Refusal(400, "The request could not be read."))

    # ---- who and where ----

    def check(self, scope: Any, path: str, address: str) -> None:
        """Raises Refusal for a host, an origin, a method or a path that isn't served, or a pace above the bound."""
        sent = _headers(scope)
        host = _host(sent.get("host", ""))
        if "*" not in self.hosts and not self._own_name(host):
            raise Refusal(421, f"This page is not served as {host[:60]!r}: add the name to HUG_HOSTS to allow it.")
        method = scope["method"]
        allowed = POSTS if method == "POST" else GETS if method in ("GET", "HEAD") else None
        if allowed is None:
            raise Refusal(405, "Only GET and POST are understood.")
        if not allowed.fullmatch(path):
            raise Refusal(404, "There is nothing here.")
        kind = "upload" if path.startswith(f"{API}/upload") else "ask" if method == "POST" else "look"
        self.paces[kind if path != f"{API}/upload_progress" else "look"].check(address)
        origin = sent.get("origin")
        if method == "POST" and origin is not None and "*" not in self.hosts:
            name = _host(urlsplit(origin).netloc) if "://" in origin else ""
            if not name or (name != host and not self._own_name(name)):
                raise Refusal(403, "A page of another site can't ask here.")

    def _own_name(self, host: str) -> bool:
        if host in self.hosts or host.endswith(".localhost"):
            return True
        try:
            return bool(ip_address(host))
        except ValueError:
            return False

    def _page(self, path: str, address: str) -> Any:
        """An open page is one that keeps its heartbeat open."""
        name = path.removeprefix(f"{API}/heartbeat/")
        return nullcontext() if name == path else self.visits.page(name, address)

    # ---- bodies ----

    async def _post(self, scope: Any, receive: Any, send: Any, path: str, address: str) -> None:
        upload, sent = path.rstrip("/") == f"{API}/upload", _headers(scope)
        form = sent.get("content-type", "").startswith("multipart/form-data")
        if form != upload:
            raise Refusal(415, "A picture is uploaded as a form; everything else is sent as JSON.")
        most = UPLOAD_BYTES if upload else JSON_BYTES
        async with self._body(receive, most, sent.get("content-length", ""), address) as body:
            if upload:
                await self._upload(scope, receive, send, body)
                return
            session = check_json(body)
            if session and path.startswith(f"{API}/queue/join"):
                self.visits.check(session)
            await self.app(scope, _replay(body, receive), send)

    @asynccontextmanager
    async def _body(self, receive: Any, most: int, declared: str, address: str) -> AsyncIterator[bytes]:
        """The whole body; its bytes count until it is answered. Raises Refusal for one too large, slow or many."""
        if declared and (not declared.isdigit() or len(declared) > 12 or int(declared) > most):
            raise Refusal(413, f"At most {most / 2**20:.0f} MB can be sent at once.")
        if self._bodies[address] >= BODIES:
            raise Refusal(429, "Too much is being sent from one address at once: wait for the first to arrive.")
        self._bodies[address] += 1
        body, size = bytearray(), 0
        try:
            async with asyncio.timeout(self.patience):
                async for part in _parts(receive, self.quiet):
                    size += len(part)
                    self._bytes += len(part)
                    if size > most:
                        raise Refusal(413, f"At most {most / 2**20:.0f} MB can be sent at once.")
                    if self._bytes > self.bytes_at_once:
                        raise Refusal(503, "Too much is being sent at once: try again in a moment.")
                    body += part
        except TimeoutError:
            raise Refusal(408, "The request did not arrive in time: send it again.") from None
        else:
            yield bytes(body)
        finally:
            self._bytes -= size
            self._bodies[address] -= 1
            if not self._bodies[address]:
                del self._bodies[address]

    async def _upload(self, scope: Any, receive: Any, send: Any, body: bytes) -> None:
        """One picture, stored once it has come whole; its path is the answer, as Gradio's clients expect it."""
        try:
            form = await Request(scope, _replay(body, receive)).form(max_files=1, max_fields=4)
        except (HTTPException, MultiPartException, ValueError, KeyError):
            raise Refusal(400, "The upload could not be read: send one picture as the form's field files.") from None
        try:
            file = form.get("files")
            if not isinstance(file, UploadFile):
                raise Refusal(400, "There is no picture in the upload: send it as the form's field files.")
            content = await file.read()
        finally:
            await form.close()
        if len(content) > MAX_BYTES:
            raise Refusal(413, f"A picture can have {MAX_BYTES // 2**20} MB at most.")
        path = await asyncio.to_thread(self.uploads.add, file.filename or "picture", content)
        await JSONResponse([str(path)])(scope, receive, send)


class _Gone(Exception):
    """The client left before it had sent its body."""


class _Answer:
    """Sends an answer with the boundary's headers, and knows whether it began."""

    def __init__(self, send: Any, added: Mapping[bytes, bytes]) -> None:
        self.send, self.added, self.begun = send, added, False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            own = [(name, value) for name, value in message.get("headers", []) if name.lower() not in self.added]
            message = {**message, "headers": [*own, *self.added.items()]}
        await self.send(message)

    async def refuse(self, scope: Any, receive: Any, refusal: Refusal) -> None:
        if self.begun:
            raise refusal
        waits = {"Retry-After": "5"} if refusal.status in (429, 503) else {}
        answer: Response = JSONResponse({"detail": refusal.sentence}, refusal.status, headers=waits)
        await answer(scope, receive, self)


def headers(framed: bool) -> dict[bytes, bytes]:
    """What every answer says; `framed` where the Hub's pages show the app in a frame, as those of a Space do."""
    policy = {**POLICY, "frame-ancestors": f"'self' {HUB}" if framed else "'self'"}
    return {
        b"content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()).encode(),
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }


def check_json(body: bytes) -> str:
    """The session that a request names, or an empty string. Raises Refusal for what is no request of a page."""
    try:
        sent = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(400, "The request is not JSON, or nested too deep.") from None
    if not isinstance(sent, dict):
        raise Refusal(400, "The request must be a JSON object.")
    for name in ("session_hash", "event_id"):
        value = sent.get(name)
        if value is not None and not (isinstance(value, str) and NAME.fullmatch(value)):
            raise Refusal(400, f"The request's {name} is not one.")
    return sent.get("session_hash") or ""


def _path(scope: Any) -> str:
    """The path below the place where the app is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _headers(scope: Any) -> dict[str, str]:
    """Names and values; of a name that comes twice the values together, which fit nothing."""
    sent: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        sent[key] = f"{sent[key]},{text}" if key in sent else text
    return sent


def _host(header: str) -> str:
    """The name or address of a Host header, without the port."""
    text = header.strip().lower()
    name = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    return name.rstrip(".")


async def _parts(receive: Any, quiet: float) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await asyncio.wait_for(receive(), quiet)
        if message["type"] != "http.request":
            raise _Gone
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _replay(body: bytes, receive: Any) -> Any:
    """A `receive` that gives a body that was read before, then what comes after it."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return parts.pop() if parts else await receive()

    return again
