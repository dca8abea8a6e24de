"""`Session` over real sockets: faults of the line, and of who answers there."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hwlearn.errors import InstrumentError
from hwlearn.lab.instruments.scpi.session import Session

TIMEOUT = 0.25


class Server:
    """Answers `:ECHO? n` with n, refuses `:BAD`; `faults` act on its next messages that are not from the handshake."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.resource = f"TCPIP::127.0.0.1::{self.port}::SOCKET"
        self.identities = ["MAKER,MODEL,1,1.0"]
        self.acknowledgement = "1"
        self.faults: list[str] = []
        self.received: list[str] = []
        self.queue: list[str] = []
        self.connections = 0
        self.peers: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self.threads.append(thread)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                self.connections += 1
                self.peers.append(peer)
                self._start(self._serve, peer, self.identities[min(self.connections, len(self.identities)) - 1])

    def _serve(self, peer: socket.socket, identity: str) -> None:
        with suppress(OSError), peer, peer.makefile("rb") as lines:
            for line in lines:
                message = line.decode().strip()
                self.received.append(message)
                reply = self._answer(message, identity)
                fault = self.faults.pop(0) if self.faults and not message.startswith("*") else ""
                if fault == "drop":
                    peer.shutdown(socket.SHUT_RDWR)
                    return
                if fault == "late":
                    time.sleep(2 * TIMEOUT)
                reply = {
                    "garbage": b"\xff\xfe\x80\n",
                    "half": reply[:5],
                    "short": b"5\n",
                    "other": b"x;" + reply,
                    "mute": b"",
                }.get(fault, reply)
                peer.sendall(reply)

    def _answer(self, message: str, identity: str) -> bytes:
        fields = []
        for part in message.split(";"):
            if part == "*IDN?":
                fields.append(identity)
            elif part == "*OPC?":
                fields.append(self.acknowledgement)
            elif part == "*CLS":
                self.queue.clear()
            elif part.startswith(":ECHO?"):
                fields.append(part.split()[1])
            elif part.startswith(":BAD"):
                self.queue.append('-113,"Undefined header;:BAD"')
            elif part == ":SYST:ERR?":
                fields.append(self.queue.pop(0) if self.queue else '0,"No error"')
        return (";".join(fields) + "\n").encode()

    def stop_listening(self) -> None:
        """Refuse connections; those that are open stay."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def close(self) -> None:
        self.stop_listening()
        for peer in self.peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
        for thread in self.threads:
            thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def session(server: Server) -> Iterator[Session]:
    made = Session(server.resource, name="daq", idn="MODEL", timeout=TIMEOUT)
    made.patience = 0.0
    yield made
    made.close()


def test_opening_asks_who_is_there_and_nothing_else(server: Server, session: Session) -> None:
    assert session.identity == "MAKER,MODEL,1,1.0"
    assert server.received == ["*IDN?"]


def test_a_message_and_its_errors_are_one_round_trip(server: Server, session: Session) -> None:
    assert session.ask(":ECHO? 1;:ECHO? 2", replies=2) == ["1", "2"]
    session.tell(":OUTP ON")
    assert server.received[1:] == [":ECHO? 1;:ECHO? 2;:SYST:ERR?", ":OUTP ON;*OPC?;:SYST:ERR?"]
    assert session.round_trips == 3
    assert session.seconds > 0


def test_a_round_trip_does_not_wait_for_acknowledgements(session: Session) -> None:
    """Nagle's algorithm with delayed acknowledgements would cost 0.04 s each."""
    handle = session._visa._handle
    line = handle.visalib.sessions[handle.session].interface
    assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


FAULTS = ["late", "garbage", "half", "drop", "mute", "other"]


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_recovered_and_no_answer_belongs_to_another_question(
    server: Server, session: Session, fault: str
) -> None:
    server.faults = [fault]
    assert session.ask(":ECHO? 1") == ["1"]
    assert [session.ask(f":ECHO? {k}") for k in (2, 3, 4)] == [["2"], ["3"], ["4"]]
    assert session.recoveries == 1
    assert server.connections == 2
    assert server.received[2:5] == ["*IDN?", ":SYST:ERR?", ":ECHO? 1;:SYST:ERR?"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_fault_twice_is_an_error_that_names_all(server: Server, session: Session, fault: str) -> None:
    server.faults = [fault, fault]
    with pytest.raises(InstrumentError, match=re.escape(f"daq ({server.resource}): gave no ") + ".*':ECHO\\? 1', twice"):
        session.ask(":ECHO? 1")


@pytest.mark.parametrize("fault", FAULTS)
def test_after_an_error_the_next_question_has_a_connection_of_its_own(server: Server, session: Session, fault: str) -> None:
    server.faults = [fault, fault]
    with pytest.raises(InstrumentError):
        session.ask(":ECHO? 1")
    assert session.ask(":ECHO? 2") == ["2"]
    assert server.connections == 3


def test_an_answer_that_cannot_be_parsed_is_asked_for_again(server: Server, session: Session) -> None:
    seen: list[str] = []

    def parse(fields: list[str]) -> int:
        seen.append(fields[0])
        if len(seen) == 1:
            raise ValueError("not yet")
        return int(fields[0])

    assert session.read(":ECHO? 8", parse) == 8
    assert server.connections == 2


def test_a_setting_without_its_acknowledgement_is_an_error(server: Server, session: Session) -> None:
    server.acknowledgement = "0"
    with pytest.raises(InstrumentError, match="instead of an acknowledgement"):
        session.tell(":OUTP ON")


def test_a_refused_command_is_not_repeated_and_the_queue_is_emptied(server: Server, session: Session) -> None:
    server.queue = ['-222,"Data out of range"']
    with pytest.raises(InstrumentError, match=r"refused ':BAD;:ECHO\? 1': -222.*, -113,\"Undefined header;:BAD\""):
        session.ask(":BAD;:ECHO? 1")
    assert server.received.count(":BAD;:ECHO? 1;:SYST:ERR?") == 1
    assert session.recoveries == 0
    assert session.ask(":ECHO? 2") == ["2"]


def test_a_short_answer_is_never_a_reading(server: Server, session: Session) -> None:
    server.faults = ["short"]
    with suppress(InstrumentError):
        assert session.ask(":ECHO? 1") == ["1"]
    assert session.ask(":ECHO? 2") == ["2"]


def test_slow_answers_get_the_time_they_need(server: Server, session: Session) -> None:
    server.faults = ["late"]
    assert session.ask(":ECHO? 1", seconds=TIMEOUT) == ["1"]
    assert session.recoveries == 0


def test_another_instrument_is_refused(server: Server) -> None:
    with pytest.raises(InstrumentError, match=r"is 'MAKER,MODEL,1,1.0', and the station file wants 'DAQ970A'"):
        Session(server.resource, name="daq", idn="DAQ970A", timeout=TIMEOUT)
    Session(server.resource, name="daq", timeout=TIMEOUT).close()  # and it is free again


def test_nothing_is_sent_to_an_instrument_that_has_taken_the_place(server: Server, session: Session) -> None:
    server.identities.append("MAKER,OTHER,2,1.0")
    server.faults = ["drop"]
    for _ in range(2):
        with pytest.raises(InstrumentError, match=r"was 'MAKER,MODEL,1,1.0' and is now 'MAKER,OTHER,2,1.0'"):
            session.tell(":OUTP ON")
    assert server.received == ["*IDN?", ":OUTP ON;*OPC?;:SYST:ERR?", "*IDN?", "*IDN?"]


@pytest.mark.parametrize("fault", ["garbage", "drop", "other"])
def test_an_instrument_that_is_gone_is_an_error_each_time(server: Server, session: Session, fault: str) -> None:
    server.faults = [fault]
    server.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)
    for _ in range(3):
        with pytest.raises(InstrumentError):
            session.ask(":ECHO? 1")


def test_a_connection_that_could_not_be_opened_again_is_tried_again(
    server: Server, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise InstrumentError("cannot be opened", "daq")

    server.faults = ["other"]
    with monkeypatch.context() as patch:
        patch.setattr(session._visa, "open", refuse)
        for _ in range(2):
            with pytest.raises(InstrumentError, match="cannot be opened"):
                session.ask(":ECHO? 1")
    assert session.ask(":ECHO? 2") == ["2"]


class Clock:
    """A time of its own, which only passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Away:
    """A resource that cannot be opened for a while, as one whose plug is out."""

    def __init__(self, session: Session, times: int) -> None:
        self.opened, self.times, self.tries = session._visa.open, times, 0

    def __call__(self) -> None:
        self.tries += 1
        if self.tries <= self.times:
            raise InstrumentError("cannot be opened", "daq")
        self.opened()


def test_a_plug_that_is_out_for_a_moment_is_waited_for(
    server: Server, session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults, session.patience = ["drop"], 30.0
    away = Away(session, 3)
    monkeypatch.setattr(session._visa, "open", away)
    assert session.ask(":ECHO? 1") == ["1"]
    assert (away.tries, session.recoveries) == (4, 1)
    assert "daq: gave no answer in time to :ECHO? 1; opened again" in caplog.text


def test_one_that_stays_away_is_waited_for_once_and_not_called_opened_again(
    server: Server, session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults, session.patience = ["drop"], 0.3
    away, clock = Away(session, 10**6), Clock()
    monkeypatch.setattr(session._visa, "open", away)
    monkeypatch.setattr("hwlearn.lab.instruments.scpi.session.time", clock)
    for tries in (2, 3):  # at once and after 0.1 s; then at once only
        with pytest.raises(InstrumentError, match="cannot be opened"):
            session.ask(":ECHO? 1")
        assert away.tries == tries
    assert "opened again" not in caplog.text


def test_an_interrupted_question_leaves_no_answer_behind(
    server: Server, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(timeout: float) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session._visa, "read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.ask(":ECHO? 1")
    assert session.ask(":ECHO? 2") == ["2"]


def test_threads_get_their_own_answers(session: Session) -> None:
    wrong: list[tuple[int, list[str]]] = []

    def work(start: int) -> None:
        for k in range(start, start + 100):
            answer = session.ask(f":ECHO? {k}")
            if answer != [str(k)]:
                wrong.append((k, answer))

    threads = [threading.Thread(target=work, args=(1000 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert session.round_trips == 401


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):
        with pytest.raises(InstrumentError, match=r"daq.*(cannot be opened|gave no)"):
            Session(f"TCPIP::127.0.0.1::{port}::SOCKET", name="daq", timeout=TIMEOUT)


def test_closed_is_closed(session: Session) -> None:
    session.close()
    session.close()
    with pytest.raises(InstrumentError, match="is closed"):
        session.ask(":ECHO? 1")


def test_one_program_per_instrument(server: Server, session: Session) -> None:
    with pytest.raises(InstrumentError, match=f"in use by process {os.getpid()}"):
        Session(server.resource, name="daq2", timeout=TIMEOUT)
    session.close()
    Session(server.resource, name="daq2", timeout=TIMEOUT).close()


HOLD = """
import sys
from hwlearn.lab.instruments.scpi.session import Session
session = Session(sys.argv[1], name="daq", timeout=5.0)
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_of_another_process_ends_with_it(server: Server) -> None:
    command = [sys.executable, "-c", HOLD, server.resource]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(InstrumentError, match=f"in use by process {other.pid}; end it first"):
                Session(server.resource, name="daq", timeout=TIMEOUT)
        finally:
            other.send_signal(signal.SIGKILL)
    Session(server.resource, name="daq", timeout=TIMEOUT).close()
