"""What strangers send, refused before Gradio sees it; what a page needs, let through."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ui.boundary import API, JSON_BYTES, Boundary, check_json, headers
from ui.uploads import Uploads
from ui.visits import Pace, Refusal, Visits

FORM = {"content-type": "multipart/form-data; boundary=line"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Stands behind the boundary: answers with the body that reached it."""
    body = (await receive())["body"] if scope["method"] == "POST" else b"here"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"unsafe-url")]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def boundary(tmp_path: Path) -> Boundary:
    return Boundary(echo, Visits(most=2, pages=1), Uploads(tmp_path), ["shop.example"])


def ask(
    boundary: Boundary, path: str, method: str = "GET", parts: list[bytes] | None = None,
    client: str = "192.0.2.7", **sent: str,
) -> tuple[int, bytes, dict[str, str]]:  # fmt: skip
    """One request; (status, body, headers) of the answer."""
    pending = [{"type": "http.request", "body": part, "more_body": True} for part in parts or []]
    pending = [*pending, {"type": "http.request", "body": b"", "more_body": False}]
    answers: list[Any] = []

    async def receive() -> Any:
        return pending.pop(0) if pending else {"type": "http.disconnect"}

    return asyncio.run(request(boundary, path, method, receive, answers, client, sent))


async def request(
    boundary: Boundary, path: str, method: str, receive: Callable[[], Awaitable[Any]], answers: list[Any],
    client: str = "192.0.2.7", sent: dict[str, str] | None = None,
) -> tuple[int, bytes, dict[str, str]]:  # fmt: skip
    async def send(message: Any) -> None:
        answers.append(message)

    lines = {"host": "127.0.0.1:7860", **{name.replace("_", "-"): value for name, value in (sent or {}).items()}}
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"", "client": (client, 1),
        "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
    }  # fmt: skip
    await boundary(scope, receive, send)
    if not answers:
        return 0, b"", {}
    named = {name.decode(): value.decode() for name, value in answers[0]["headers"]}
    return answers[0]["status"], b"".join(m.get("body", b"") for m in answers[1:]), named


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(buffer, "PNG")
    return buffer.getvalue()


def form(*files: tuple[str, str, bytes]) -> bytes:
    lines = [
        f'--line\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode() + content
        for field, name, content in files
    ]
    return b"\r\n".join([*lines, b"--line--\r\n"])


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7860", "[::1]:7860", "localhost", "LOCALHOST.:1", "hug.localhost", "10.1.2.3", "shop.example"]
)
def test_its_own_names_are_answered(boundary: Boundary, host: str) -> None:
    assert ask(boundary, "/", host=host)[:2] == (200, b"here")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.evil.example:7860", "shop"])
def test_a_name_that_only_leads_here_is_refused(boundary: Boundary, host: str) -> None:
    status, body, _ = ask(boundary, "/", host=host)
    assert status == 421 and b"HUG_HOSTS" in body


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://shop.example.evil.example"])
def test_a_page_of_another_site_cannot_ask(boundary: Boundary, origin: str) -> None:
    assert ask(boundary, f"{API}/queue/join", "POST", [b"{}"], origin=origin)[0] == 403
    assert ask(boundary, f"{API}/queue/join", "POST", [b"{}"], origin="http://localhost:7860")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/deep_link", "/monitoring", "/monitoring/summary", "/gradio_api/runs", "/docs", "/openapi.json",
        "/gradio_api/proxy=https://a.hf.space/x", "/gradio_api/file=https://example.com/a.png", "/login",
        "/gradio_api/stream/a/b/c/playlist.m3u8", "/gradio_api/vibe-code", "/gradio_api/heartbeat/" + "a" * 65,
        "/gradio_api/custom_component/a/b/c/d",
    ],
)  # fmt: skip
def test_what_the_page_does_not_use_is_not_there(boundary: Boundary, path: str) -> None:
    assert ask(boundary, path)[0] == 404


@pytest.mark.parametrize(
    "path", ["/gradio_api/process_recording", "/gradio_api/vibe-edit", "/gradio_api/stream/a", "/"]
)
def test_nor_can_anything_be_sent_there(boundary: Boundary, path: str) -> None:
    assert ask(boundary, path, "POST", [b"{}"])[0] == 404
    assert ask(boundary, path, "PUT")[0] == 405


@pytest.mark.parametrize(
    "path", ["/", "/config", "/assets/index.js", "/theme.css", "/gradio_api/info", "/gradio_api/file=/tmp/a.png"]
)
def test_every_answer_tells_the_browser_what_is_allowed(boundary: Boundary, path: str) -> None:
    status, _, sent = ask(boundary, path)
    assert status == 200 and sent["x-content-type-options"] == "nosniff" and sent["referrer-policy"] == "same-origin"
    assert "connect-src 'self'" in sent["content-security-policy"] and "object-src 'none'" in str(sent)
    assert "frame-ancestors 'self'" in sent["content-security-policy"]
    assert "https://huggingface.co" in headers(framed=True)[b"content-security-policy"].decode()


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_is_bounded_declared_or_not(boundary: Boundary, declared: bool) -> None:
    sent = {"content_length": str(JSON_BYTES + 1)} if declared else {}
    parts = [b"x" * 2**20] * 20
    status, body, _ = ask(boundary, f"{API}/queue/join", "POST", parts, **sent)
    assert status == 413 and b"At most 12 MB" in body
    assert ask(boundary, f"{API}/upload", "POST", parts, **FORM)[0] == 413
    assert boundary._bytes == 0 and not boundary._bodies


def test_all_bodies_together_are_bounded(boundary: Boundary) -> None:
    boundary.bytes_at_once = 10
    assert ask(boundary, f"{API}/queue/join", "POST", [b'{"data": "', b'xxxxxxxxxx"}'])[0] == 503
    assert ask(boundary, f"{API}/queue/join", "POST", [b"{}"])[0] == 200


@pytest.mark.parametrize("begins", [b"", b'{"data": '])
def test_a_half_sent_body_is_not_waited_for(boundary: Boundary, begins: bytes) -> None:
    boundary.quiet = 0.05
    pending = [{"type": "http.request", "body": begins, "more_body": True}]

    async def receive() -> Any:
        return pending.pop() if pending else await asyncio.sleep(60)

    status, body, _ = asyncio.run(request(boundary, f"{API}/queue/join", "POST", receive, []))
    assert status == 408 and b"did not arrive in time" in body and not boundary._bodies


def test_nor_one_that_comes_drop_by_drop(boundary: Boundary) -> None:
    boundary.patience = 0.2

    async def receive() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    assert asyncio.run(request(boundary, f"{API}/queue/join", "POST", receive, []))[0] == 408


def test_who_leaves_half_way_is_not_answered(boundary: Boundary) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    assert asyncio.run(request(boundary, f"{API}/queue/join", "POST", receive, []))[0] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"3", b"\xff\xfe", b'{"data": ' + b"[" * 100_000, b'{"session_hash": 5}', b'{"event_id": ["a"]}',
        b'{"session_hash": "' + b"a" * 100_000 + b'"}', b'{"session_hash": "../a"}', b'{"n": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_request_is_told_so(boundary: Boundary, body: bytes) -> None:
    status, said, _ = ask(boundary, f"{API}/queue/join", "POST", [body])
    assert status == 400 and json.loads(said)["detail"].endswith(".")


def test_a_request_reaches_the_page_as_it_was_sent(boundary: Boundary) -> None:
    body = json.dumps({"session_hash": "abc", "data": ["ä"]}).encode()
    assert ask(boundary, f"{API}/queue/join", "POST", [body[:5], body[5:]])[:2] == (200, body)
    assert check_json(body) == "abc"


def test_what_gradio_does_not_foresee_is_a_sentence(tmp_path: Path) -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("secret")

    status, body, _ = ask(Boundary(fail, Visits(), Uploads(tmp_path)), f"{API}/queue/join", "POST", [b"{}"])
    assert status == 400 and b"secret" not in body


def test_an_upload_is_stored_when_it_is_a_picture(boundary: Boundary, tmp_path: Path) -> None:
    status, body, _ = ask(boundary, f"{API}/upload", "POST", [form(("files", "../../a b.png", picture()))], **FORM)
    (path,) = json.loads(body)
    assert status == 200 and Path(path).is_relative_to(tmp_path) and Path(path).read_bytes() == picture()


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>" * 99, b"MZ" + b"\0" * 999, b"%PDF-1.7" * 99, b""])
def test_anything_else_leaves_no_more_than_its_first_bytes(boundary: Boundary, tmp_path: Path, content: bytes) -> None:
    status, body, _ = ask(boundary, f"{API}/upload", "POST", [form(("files", "page.html", content))], **FORM)
    assert status == 200 and Path(json.loads(body)[0]).read_bytes() == content[:16]
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) <= 16


@pytest.mark.parametrize(
    "body",
    [
        form(("files", "a.png", picture()), ("files", "b.png", picture())), form(("other", "a.png", picture())),
        form(), b"no form at all", form(("files", "a.png", picture()))[:60],
    ],
)  # fmt: skip
def test_one_picture_at_a_time_and_nothing_of_the_rest(boundary: Boundary, tmp_path: Path, body: bytes) -> None:
    assert ask(boundary, f"{API}/upload", "POST", [body], **FORM)[0] == 400
    assert not list(tmp_path.iterdir())


def test_a_form_is_for_uploads_alone(boundary: Boundary) -> None:
    assert ask(boundary, f"{API}/component_server", "POST", [form(("a", "b", b"c"))], **FORM)[0] == 415
    assert ask(boundary, f"{API}/upload", "POST", [b"{}"])[0] == 415


def test_an_address_has_its_pace_and_others_theirs(boundary: Boundary) -> None:
    boundary.paces["ask"] = Pace(0.001, 2)
    told = [ask(boundary, f"{API}/queue/join", "POST", [b"{}"])[0] for _ in range(4)]
    assert told == [200, 200, 429, 429]
    assert ask(boundary, f"{API}/queue/join", "POST", [b"{}"], client="192.0.2.8")[0] == 200
    assert ask(boundary, "/")[0] == 200


def test_a_socket_is_closed(boundary: Boundary) -> None:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(boundary({"type": "websocket", "path": "/"}, None, send))
    assert messages == [{"type": "websocket.close", "code": 1008}]


def test_open_pages_are_counted(boundary: Boundary) -> None:
    with boundary.visits.page("abc", "192.0.2.7"):
        status, body, _ = ask(boundary, f"{API}/heartbeat/def")
        assert status == 429 and b"close one" in body
        assert ask(boundary, f"{API}/heartbeat/def", client="192.0.2.8")[0] == 200
        with boundary.visits.page("ghi", "192.0.2.9"):
            body = b'{"session_hash": "new"}'
            assert ask(boundary, f"{API}/queue/join", "POST", [body])[0] == 503
    assert ask(boundary, f"{API}/queue/join", "POST", [body])[0] == 200


def test_a_refusal_is_a_sentence() -> None:
    assert str(Refusal(404, "There is nothing here.")) == "There is nothing here."
