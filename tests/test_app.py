"""The app as others call it: gradio_client, plain HTTP, the command line."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import app
from analysis.session import Session, Sessions
from tests.hug.conftest import noise_pictures
from tests.small import small_session
from ui.page import build, launch


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return small_session(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def url(session: Session) -> Iterator[str]:
    page = build(Sessions({}, loaded=[session]))
    _, address, _ = launch(page, "127.0.0.1", prevent_thread_lock=True, quiet=True)
    yield address
    page.close(verbose=False)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    client = Client(url, verbose=False)
    yield client
    client.close()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sent") / "noise.png"
    noise_pictures(1, seed=3)[0].save(path)
    return path


@pytest.fixture(scope="module")
def encoded(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


def call(url: str, name: str, body: Any) -> tuple[str, Any]:
    """POST a call and read its outcome: ("complete" or "error", data)."""
    sent = urllib.request.Request(
        f"{url}gradio_api/call/{name}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=120) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/{name}/{event}", timeout=120) as reply:
        lines = reply.read().decode().splitlines()
    kind, data = (line.split(": ", 1)[1] for line in lines[:2])
    return kind, json.loads(data)


def test_a_picture_and_words_suffice(client: Client, session: Session, picture: Path) -> None:
    found = client.predict(handle_file(str(picture)), "red", api_name="/retrieve")
    with Image.open(picture) as image:
        ranking = session.trace(image, "red").ranking
    assert [row["id"] for row in found] == ranking.ids[0]
    assert [row["distance"] for row in found] == pytest.approx(ranking.distances[0].tolist(), rel=1e-5)
    assert [row["rank"] for row in found] == list(range(1, 13))
    assert all(set(row) == {"rank", "id", "distance", "uncertainty", "category", "notes"} for row in found)


def test_what_is_not_read_of_the_words_is_told(client: Client, picture: Path) -> None:
    sent = handle_file(str(picture))
    note = "The words are too long: from “green” on nothing is read."
    assert client.predict(sent, "is red and blue and green", api_name="/uncertainty")["notes"] == [note]
    assert client.predict(sent, "is red", api_name="/uncertainty")["notes"] == []
    rows = client.predict(sent, "is red and blue and green", api_name="/retrieve")
    assert all(row["notes"] == [note] for row in rows)


def test_the_rest_can_be_given(client: Client, picture: Path) -> None:
    given: dict[str, Any] = {"picture": handle_file(str(picture)), "words": "red", "api_name": "/retrieve"}
    some = client.predict(**given, k=3)
    assert some == client.predict(**given)[:3]
    shirts = client.predict(**given, category="shirt", exclude="noise/8")
    assert sorted(row["id"] for row in shirts) == ["noise/10", "noise/11", "noise/7", "noise/9"]
    assert {row["category"] for row in shirts} == {"shirt"}


def test_uncertainty_is_split_and_per_component(client: Client, session: Session, picture: Path) -> None:
    told = client.predict(handle_file(str(picture)), "", api_name="/uncertainty")
    with Image.open(picture) as image:
        trace = session.trace(image, "")
    names = dict(zip("rtmq", ("picture", "words", "fit", "overall"), strict=True))
    assert {n: told[n] for n in names.values()} == pytest.approx(
        {names[s]: v for s, v in trace.means.items()}, rel=1e-5
    )
    assert told["percentiles"]["words"] == 100 and told["unusual"] == "words"
    assert told["chance"] is told["answer_set"] is None and "no words were given" in told["withheld"][0]
    assert all(sum(told["components"][n]) / 16 == pytest.approx(told[n], rel=1e-5) for n in names.values())
    assert [sum(w) for w in zip(*told["weights"].values(), strict=True)] == pytest.approx([1] * 16, rel=1e-5)
    assert told["untrusted"] == []


def test_a_chance_comes_with_its_set_and_is_of_what_is_searched(
    client: Client, session: Session, picture: Path
) -> None:
    told = client.predict(handle_file(str(picture)), "is red", api_name="/uncertainty")
    assert told["chance"] == pytest.approx(0.5) and told["withheld"] == []
    with Image.open(picture) as image:
        held = session.trace(image, "is red").certainty.answer_set
    assert held is not None and told["answer_set"] == {"level": held.level, "size": held.size}
    few = client.predict(handle_file(str(picture)), "is red", "dress", "", api_name="/uncertainty")
    assert few["chance"] is None and "no more than 10 pictures" in few["withheld"][0]


@pytest.mark.parametrize("form", ["file", "text"])
def test_plain_http_takes_a_data_url(url: str, client: Client, picture: Path, encoded: str, form: str) -> None:
    sent = {"url": encoded} if form == "file" else encoded
    kind, (found,) = call(url, "retrieve", {"data": [sent, "red"]})
    assert kind == "complete"
    assert found == client.predict(handle_file(str(picture)), "red", api_name="/retrieve")
    assert call(url, "retrieve", {"data": [sent, "red", 2, "dress", ""]})[1][0][0]["category"] == "dress"
    assert call(url, "v2/retrieve", {"picture": {"url": encoded}, "words": "red"}) == ("complete", [found])
    assert call(url, "uncertainty", {"data": [sent, "red"]})[0] == "complete"


def test_plain_http_takes_an_upload(url: str, picture: Path) -> None:
    line = "----boundary"
    body = (
        f'--{line}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode() + picture.read_bytes() + f"\r\n--{line}--\r\n".encode()  # fmt: skip
    sent = urllib.request.Request(
        f"{url}gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={line}"}
    )
    with urllib.request.urlopen(sent, timeout=120) as reply:
        (path,) = json.load(reply)
    kind, (found,) = call(
        url, "retrieve", {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, "red", 4, "", ""]}
    )
    assert kind == "complete" and len(found) == 4


META = {"_type": "gradio.FileData"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([None, "red"], "no reference picture"),
        ([], "no reference picture"),
        (["PICTURE"], "words are missing"),
        (["PICTURE", 5], "words must be text"),
        (["PICTURE", "x" * 10_000], "10000 characters; at most 400"),
        (["PICTURE", "red", 0], "from 1 to the gallery's size, 12; got 0"),
        (["PICTURE", "red", 13], "from 1 to the gallery's size, 12; got 13"),
        (["PICTURE", "red", 3, "<i>hat</i>"], "no category '&lt;i&gt;hat&lt;/i&gt;'"),
        (["PICTURE", "red", 3, {"a": 1}], "category must be text"),
        (["PICTURE", "red", 3, "", "nobody"], "no picture 'nobody'"),
        (["data:image/png;base64,aGVsbG8=", "red"], "is not a JPEG, PNG or WebP picture"),
        ([{"path": "/etc/passwd"}, "red"], "could not be read"),
        ([{"path": __file__}, "red"], "could not be read"),
        ([{"path": "/etc/passwd", "meta": META}, "red"], "could not be read"),
        ([{"path": "http://127.0.0.1/a.png", "meta": META}, "red"], "not fetched"),
        ([["a"], "red"], "could not be read"),
    ],
)
def test_bad_input_is_told_in_one_sentence(url: str, encoded: str, data: list[Any], message: str) -> None:
    kind, told = call(url, "retrieve", {"data": [encoded if value == "PICTURE" else value for value in data]})
    assert kind == "error"
    assert message in told["error"]
    assert "Traceback" not in told["error"]


def test_a_client_reads_the_same_sentence(client: Client, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(AppError, match="text.png is not a JPEG, PNG or WebP picture"):
        client.predict(handle_file(str(tmp_path / "text.png")), "red", api_name="/retrieve")


def test_the_page_s_own_callbacks_are_not_for_clients(client: Client) -> None:
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/retrieve", "/uncertainty"}


def test_the_page_asks_nobody_else(url: str) -> None:
    with urllib.request.urlopen(url, timeout=120) as reply:
        page = reply.read().decode()
    assert "fonts.googleapis.com" not in page and "fonts.gstatic.com" not in page


def test_a_transparent_and_a_rotated_picture_are_accepted(url: str) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGBA", (8, 16), (255, 0, 0, 0)).save(buffer, "PNG", exif=exif)
    sent = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    assert call(url, "retrieve", {"data": [sent, ""]})[0] == "complete"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--checkpoint", "nowhere"], "/nowhere; give a folder or a Hub id"),
        (["--checkpoint", "{tmp}"], "config.json is missing"),
    ],
)
def test_a_start_that_fails_is_one_line(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main([flag.format(tmp=tmp_path) for flag in flags]) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1 and told[0].startswith("app.py: ") and message in told[0]


@pytest.mark.parametrize("text", ["-1", "65536", "99999", "8o", "", "１", "7860.0"])
def test_a_port_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app.parser().parse_args([f"--port={text}"])
    assert "a port is a number from 1 to 65535, or 0 for any free one; got" in capsys.readouterr().err


def test_port_0_is_a_free_one() -> None:
    assert app.parser().parse_args(["--port", "0"]).port == 0
    assert 0 < app.free_port(None) < 65536 and app.free_port("127.0.0.1")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("no_proxy", "NO_PROXY", "GRADIO_SERVER_PORT"):
        monkeypatch.setenv(name, "")
    return monkeypatch


def test_the_app_s_own_calls_take_no_proxy(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("http_proxy", "http://127.0.0.1:9")
    environment.setenv("no_proxy", "example.org")
    app.prepare_environment()
    assert urllib.request.proxy_bypass("127.0.0.1:7860") and urllib.request.proxy_bypass("example.org")
    assert urllib.request.proxy_bypass("localhost") and not urllib.request.proxy_bypass("example.com")


def test_a_port_of_the_environment_is_checked_too(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("GRADIO_SERVER_PORT", "many")
    assert app.main([]) == 1
    assert capsys.readouterr().err.startswith("app.py: GRADIO_SERVER_PORT: a port is a number")


@pytest.mark.parametrize("setting", ["HUG_RUNS", "GRADIO_TEMP_DIR"])
def test_folders_that_can_t_be_written_are_told_with_the_setting_before_any_work(setting: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "HUG_RUNS": str(tmp_path / "runs"), setting: str(tmp_path / "file")}
    start = [sys.executable, "app.py", "--checkpoint", "nowhere"]  # whatever comes later would say so
    told = subprocess.run(
        start, cwd=app.__file__.removesuffix("app.py"), env=environment, capture_output=True, text=True
    )
    assert told.returncode == 1 and told.stderr.startswith("app.py: ") and setting in told.stderr
    assert told.stderr.count("\n") == 1


SMALL_APP = """
import sys
from pathlib import Path
import app
from analysis.session import Sessions
from tests.small import small_session
Sessions.load = lambda *_: Sessions({}, loaded=[small_session(Path(sys.argv[1]))])
sys.exit(app.main(["--port", "0"]))
"""


def test_a_request_to_end_closes_the_app_as_ctrl_c_does_and_its_start_sweeps_what_was_left(tmp_path: Path) -> None:
    uploads = tmp_path / "temporary" / f"hug-{os.getuid()}"
    left = [tmp_path / "runs" / "a" / ".x.json.1.partial" / "x.json", uploads / "b" / ".y.png.2.partial" / "y.png"]
    for path in left:
        path.parent.mkdir(parents=True)
        path.touch()
    places = {"HUG_RUNS": str(tmp_path / "runs"), "GRADIO_TEMP_DIR": str(uploads.parent)}
    environment = {**os.environ, **places, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", SMALL_APP, str(tmp_path)], cwd=app.__file__.removesuffix("app.py"), env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert any("Running on local URL" in line for line in process.stdout)
        until = time.monotonic() + 60
        while any(path.parent.exists() for path in left) and time.monotonic() < until:
            time.sleep(0.02)
        assert not any(path.parent.exists() for path in left)
        process.terminate()
        said = process.stdout.read()
    ends = {0: "closing server", 130: "app.py: stopped"}  # once it waits, and while its start goes on
    assert ends[process.returncode] in said and "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_before_it_serves_it_says_so_in_a_line(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(args: object) -> int:
        signal.raise_signal(number)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(app, "start", start)
    assert app.main([]) == 130 and capsys.readouterr().err == "\napp.py: stopped\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_flags_default_to_the_environment_and_the_bundle() -> None:
    flags = vars(app.parser().parse_args([]))
    assert flags == {"port": None, "host": None, "checkpoint": None, "gallery": None}
