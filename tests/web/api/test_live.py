"""Listening through a WebSocket."""

from __future__ import annotations

import asyncio
import json
import time
import wave
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from earmark.audio.rate import speed
from earmark.web.api.live import Session
from earmark.web.limits import Limits
from earmark.web.live_sessions import Sound

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders
    from tests.web.conftest import Serve, Served

PORTION_S = 0.1


def listen(server: Served, rate: int = 22_050, semitones: int = 0, **options: Any) -> ClientConnection:
    address = f"{server.url.replace('http', 'ws')}/api/v1/live?rate={rate}&semitones={semitones}"
    socket: ClientConnection = connect(address, proxy=None, **options)
    return socket


def portions(clip: Path) -> Iterator[bytes]:
    with wave.open(str(clip)) as file:
        while portion := file.readframes(round(PORTION_S * file.getframerate())):
            yield portion


def test_a_part_for_a_horn_is_heard_as_it_is_printed(server: Served, music: Music, tmp_path: Path) -> None:
    melody = music.melody(1, 120)[:95]
    horn = music.write_recording(tmp_path / "horn.wav", melody, 1 / speed(7), 75, semitones=-7)
    with listen(server, semitones=7) as socket:
        for portion in portions(horn):
            socket.send(portion)
            time.sleep(PORTION_S / 4)
        answer: dict[str, Any] = {}
        while not answer.get("confident"):
            answer = json.loads(socket.recv(timeout=5))
    assert (answer["hits"][0]["piece"], answer["place"]["page"]) == ("piece-1", 2)
    with pytest.raises(InvalidStatus):
        listen(server, semitones=40)


def test_ranking_and_place_come_while_sound_goes_in(server: Served, clip: Path) -> None:
    with listen(server) as socket:
        answers = []
        for portion in portions(clip):
            socket.send(portion)
            while True:
                try:
                    answers.append(json.loads(socket.recv(timeout=PORTION_S)))
                except TimeoutError:
                    break
    last = answers[-1]
    assert last["type"] == "update"
    assert (last["confident"], last["hits"][0]["piece"], last["hits"][0]["source"]) == (True, "piece-1", "piece-1.pdf")
    assert last["pieces"]["piece-1"]["pages"] == 2
    assert (last["place"]["page"], last["place"]["piece"]) == (2, last["pieces"]["piece-1"]["id"])
    assert last["heard_s"] > 9
    assert len(answers) >= 2 * 10 * 0.8  # about two a second


def test_what_is_not_of_the_protocol_ends_the_session(server: Served) -> None:
    for message in (b"odd", '{"type": "dance"}', "[" * 1000):
        with listen(server) as socket:
            socket.send(message)
            assert json.loads(socket.recv(timeout=10))["error"]["kind"] == "bad_request"
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
    with listen(server) as socket, pytest.raises(ConnectionClosed):
        flood(socket)


def flood(socket: ClientConnection) -> None:
    """Sends sound much faster than it is played, and waits for what happens."""
    for _ in range(100):
        socket.send(bytes(65_536))
    while True:
        socket.recv(timeout=10)


def test_many_small_messages_cost_no_more_than_few_large_ones() -> None:
    """Half a million of them must not keep the event loop from others: no sum over all that wait for each one."""
    rate, messages = 96_000, 400_000

    class Flood:
        """A WebSocket that brings a sample at a time."""

        left = messages

        async def receive(self) -> dict[str, Any]:
            self.left -= 1
            return {"type": "websocket.receive", "bytes": b"ab"} if self.left else {"type": "websocket.disconnect"}

    flood: Any = Flood()
    session = Session(cast(Any, None), Sound(rate, 0))
    start = time.process_time()
    asyncio.run(session.receive(flood))
    assert flood.left == 0
    assert time.process_time() - start < 20  # under a second on an idle machine


def test_sound_can_be_forgotten(server: Served, clip: Path) -> None:
    with listen(server) as socket:
        for portion in portions(clip):
            socket.send(portion)
            if json.loads(socket.recv(timeout=10))["confident"]:
                break
        socket.send('{"type": "reset"}')
        answer = json.loads(socket.recv(timeout=10))
        while answer["hits"]:  # what was sent before is still answered
            answer = json.loads(socket.recv(timeout=10))
        assert not answer["confident"]


def test_calls_from_other_pages_and_odd_rates_are_refused(server: Served) -> None:
    for options in ({"origin": "http://elsewhere.example"}, {"additional_headers": {"Host": "elsewhere.example"}}):
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            listen(server, **options)
    with pytest.raises(InvalidStatus):
        listen(server, rate=1)


def test_sessions_are_limited_in_number_and_time(serve: Serve, encoders: FakeEncoders, tmp_path: Path) -> None:
    limits = replace(Limits(), live_sessions=1, live_s=1.0)
    with serve(tmp_path / "library", encoders, limits=limits) as server, listen(server) as first:
        with listen(server) as second:
            assert json.loads(second.recv(timeout=10))["error"]["kind"] == "busy"
        assert json.loads(first.recv(timeout=10))["error"]["kind"] == "too_long"


def test_a_piece_is_followed_from_what_was_heard_already(server: Served, clip: Path) -> None:
    with listen(server) as socket:
        for portion in islice(portions(clip), round(4 / PORTION_S)):
            socket.send(portion)
            answer = json.loads(socket.recv(timeout=10))
        piece = answer["pieces"]["piece-1"]["id"]
        socket.send(json.dumps({"type": "follow", "piece": piece, "page": 2}))
        while answer["type"] != "place":
            answer = json.loads(socket.recv(timeout=10))
        assert (answer["place"]["piece"], answer["place"]["page"]) == (piece, 2)
        socket.send('{"type": "reset"}')
        while answer["type"] != "update":
            answer = json.loads(socket.recv(timeout=10))
        assert answer["hits"] == []
        socket.send('{"type": "follow", "piece": 999999}')
        while answer["type"] != "error":
            answer = json.loads(socket.recv(timeout=10))
        assert answer["error"]["kind"] == "not_found"
