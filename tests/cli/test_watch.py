"""`hwlearn watch`: its page is for this machine and those who know its address, changes nothing, and follows in Chromium."""

import http.client
import json
import re
import signal
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from browser import browser_page
from processes import ENDLESS, PATIENCE, ROOT, ended, start, wait_until
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run

KITE = ROOT / "netlists" / "kite.toml"
STATION = (ROOT / "stations" / "allostery.toml").read_text(encoding="utf-8")


@contextmanager
def watching(folder, *options):
    """The process, and the address that it printed."""
    process = start("watch", folder, *options)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install '.[watch]'")
    run = Run.create(tmp_path_factory.mktemp("watch") / "run", load_experiment(KITE, {"train.steps": 20}))
    run.go()
    return run.folder


@pytest.fixture(scope="module")
def watcher(finished):
    with watching(finished) as (process, found):
        yield process, urlsplit(found)


@pytest.fixture(scope="module")
def address(watcher):
    return watcher[1]


def asked(address, path, method="GET", **headers):
    """Status and text of a request."""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def test_the_address_opens_it(address):
    assert asked(address, address.path)[0] == 200
    assert asked(address, address.path, Host=f"localhost:{address.port}")[0] == 200


def test_nothing_is_answered_without_the_token(address):
    token = address.path.strip("/")
    assert len(token) >= 40
    static = f"/{token}/static/js/bokeh.min.js"
    assert asked(address, static)[0] == 200
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    for path in (
        "/",
        "/ws",
        "/favicon.ico",
        "/static/js/bokeh.min.js",
        f"/{wrong}/",
        f"//{token}/",
        f"/x/../{token}/",
        f"/{token}x/",
    ):
        status, text = asked(address, path)
        assert status == 403, path
        assert token not in text


def test_a_page_of_another_host_that_leads_here_is_refused(address):
    """DNS rebinding: the browser asks this machine, and names the stranger's host."""
    for host in ("evil.example", f"evil.example:{address.port}", "127.0.0.1", f"127.0.0.1:{address.port}.evil.example", ""):
        assert asked(address, address.path, Host=host)[0] in (400, 403), host


@pytest.mark.parametrize(("origin", "status"), [("http://evil.example", 403), (None, 101)])
def test_a_web_socket_is_opened_by_its_own_page_only(address, origin, status):
    text = asked(address, address.path)[1]
    token = re.search(r'"token":"([^"]+)"', text)[1]
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "aHdsZWFybmh3bGVhcm4hIQ==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": f"bokeh, {token}",
        "Origin": origin or f"http://{address.netloc}",
    }
    connection = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
    lines = [
        f"GET {address.path}ws HTTP/1.1",
        f"Host: {address.netloc}",
        *(f"{name}: {value}" for name, value in upgrade.items()),
    ]
    with connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert f" {status} " in connection.recv(4096).decode(errors="replace").splitlines()[0]


def test_it_only_answers_requests_to_read(address):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert asked(address, address.path, method)[0] in (403, 405)


def test_it_listens_on_the_loopback_alone(watcher):
    connections = psutil.Process(watcher[0].pid).net_connections()
    assert [one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN] == ["127.0.0.1"]


def test_each_page_has_its_own_token(address):
    from hwlearn.show.watch.server import LoopbackServer

    tokens = {address.path}
    for _ in range(3):
        with LoopbackServer(lambda document: None) as server:
            tokens.add(urlsplit(server.address).path)
    assert len(tokens) == 4


def test_a_port_that_is_taken_is_told(finished, address):
    taken = CliRunner().invoke(app, ["watch", str(finished), "--port", str(address.port)])
    assert taken.exit_code == 2
    assert f"error: port {address.port}: " in taken.stderr
    assert "--port" in taken.stderr


def test_the_run_is_left_as_it_is(finished, address):
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in finished.rglob("*") if path.is_file()}
    assert asked(address, address.path)[0] == 200
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in finished.rglob("*") if path.is_file()} == before


def test_what_is_no_run_folder_is_told(tmp_path):
    told = CliRunner().invoke(app, ["watch", str(tmp_path)])
    assert told.exit_code == 2
    assert "not a run folder" in told.stderr


def test_without_bokeh_it_says_how_to_get_it(finished, monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    for name in [
        name for name in sys.modules if name.startswith(("bokeh.", "hwlearn.show.watch.page", "hwlearn.show.watch.server"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    told = CliRunner().invoke(app, ["watch", str(finished)])
    assert told.exit_code == 2
    assert "pip install '.[watch]'" in told.stderr


def until(page, words):
    """Wait until the page shows a state that matches; the number of its last step."""
    page.wait_for_function("words => window.hwlearn_text().match(words)", arg=words, timeout=1000 * PATIENCE)
    return int(re.search(r"step ([\d,]+) of", page.evaluate("window.hwlearn_text()"))[1].replace(",", ""))


TEXT = """
window.hwlearn_text = () => {  // all text, in shadow roots too
    const of = node => [...node.childNodes].map(child => child.nodeType === 3 ? child.data :
        ["STYLE", "SCRIPT"].includes(child.nodeName) ? "" :
        (child.shadowRoot ? of(child.shadowRoot) : "") + of(child)).join(" ");
    return of(document.body).replace(/\\s+/g, " ");
}
"""


@pytest.mark.slow  # a browser, and three programs: a run, its page, and the run that is resumed
def test_in_chromium_a_run_on_the_virtual_bench_goes_on_is_interrupted_and_is_resumed(tmp_path):
    pytest.importorskip("bokeh", reason="bokeh is not installed: pip install '.[watch]'")
    folder, station = tmp_path / "run", tmp_path / "station.toml"
    assert "settle_s = 0.0\n" in STATION
    station.write_text(
        STATION.replace("settle_s = 0.0\n", "settle_s = 0.05\n"), encoding="utf-8"
    )  # leaves the cores to others
    bench = ["--backend", "bench", "--station", station]
    with browser_page() as page:
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.add_init_script(TEXT)
        run = start("train", ROOT / "netlists" / "allostery-bench.toml", *bench, *ENDLESS, "--out", folder)
        try:
            wait_until(lambda: b'"step"' in _journal(folder), run)
            with watching(folder) as (watcher, found):
                page.goto(found)
                first = until(page, r"running rule ep")
                assert until(page, rf"step (?!{first:,} )[\d,]+ of 1,000,000") > first
                _finished(run, signal.SIGINT, 130)
                stopped = until(page, "stopped because: interrupted.*end: interrupted")
                assert stopped == _last_step(folder)
                text = page.evaluate("window.hwlearn_text()")
                for words in (
                    "station allostery",
                    "HWLEARN,DAQ970A",
                    "noise of a reading",
                    "end: interrupted",
                    "Devices",
                    "R1 ",
                ):
                    assert words in text, words
                run = start("resume", folder)
                again = until(page, rf"running rule ep.*resume at step {stopped}")
                assert again >= stopped
                assert until(page, rf"step (?!{again:,} )[\d,]+ of 1,000,000") > again
                _finished(run, signal.SIGINT, 130)
                assert until(page, f"stopped because: interrupted.*end: interrupted.*resume at step {stopped}") == _last_step(
                    folder
                )
                _finished(watcher, signal.SIGINT, 0)
        finally:
            run.kill()
            run.communicate()
    assert wrong == []


def _journal(folder: Path) -> bytes:
    path = folder / "journal.jsonl"
    return path.read_bytes() if path.exists() else b""


def _last_step(folder: Path) -> int:
    lines = [json.loads(line) for line in _journal(folder).splitlines()]
    return int([line["step"] for line in lines if "event" not in line][-1])


def _finished(process, number, code) -> None:
    """Ends with this code after a signal, and without a traceback."""
    process.send_signal(number)
    assert "Traceback" not in ended(process)[1]
    assert process.returncode == code
