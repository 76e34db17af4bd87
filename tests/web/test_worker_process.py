"""The server's side of worker processes: none is handed a task that it will not do."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.web import worker_process
from earmark.web.errors import Refusal
from earmark.web.protocol import Progress, Task
from earmark.web.worker import Setup
from earmark.web.worker_process import Worker

if TYPE_CHECKING:
    from tests.web.conftest import Served

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def worker(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker on the server's library; who ends its process starts the next one's."""
    from tests.fake_encoders import FakeEncoders

    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    worker = Worker(Setup(str(server.folder), FakeEncoders(), str(tmp_path_factory.mktemp("kept")), 10**9))
    yield worker
    worker.stop()


def find(worker: Worker, clip: Path) -> str:
    """The first hit's piece."""
    asked = {
        "path": str(clip),
        "name": "clip",
        "start_s": 0.0,
        "end_s": None,
        "top": 1,
        "most_s": 60.0,
        "most_pages": 10,
    }
    answer = worker.call(Task("find", asked), 60.0, lambda progress: None)
    return str(answer.value["result"]["hits"][0]["piece"])


def test_after_what_nobody_foresaw_the_next_task_has_a_fresh_process(worker: Worker, clip: Path) -> None:
    find(worker, clip)
    first, restarts = worker.pid, worker.restarts
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            worker.call(Task("find", {"name": "lacks its arguments"}), 60.0, lambda progress: None)
        assert refused.value.kind == "gave_up"
    assert find(worker, clip) == "piece-1"
    assert worker.pid != first
    assert worker.restarts == restarts + 2


def test_after_a_refusal_the_process_goes_on(worker: Worker, clip: Path, tmp_path: Path) -> None:
    find(worker, clip)
    first = worker.pid
    (tmp_path / "text.wav").write_text("text")
    with pytest.raises(Refusal) as refused:
        find(worker, tmp_path / "text.wav")
    assert refused.value.kind == "unusable_file"
    assert find(worker, clip) == "piece-1"
    assert worker.pid == first


def test_a_process_that_is_killed_between_tasks_is_replaced(worker: Worker, clip: Path) -> None:
    find(worker, clip)
    worker.kill()
    assert find(worker, clip) == "piece-1"


def test_a_process_that_was_not_ready_in_time_is_waited_for(
    worker: Worker, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.kill()
    monkeypatch.setattr(worker_process, "START_S", 0.0)
    worker.start()
    monkeypatch.undo()
    first = worker.pid
    assert find(worker, clip) == "piece-1"
    assert worker.pid == first


@pytest.mark.skipif(sys.platform == "win32", reason="there ctrl-C goes to no single process")
def test_ctrl_c_is_not_for_a_process_that_has_just_begun(worker: Worker, clip: Path) -> None:
    worker.kill()
    before = worker.pid
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(find, worker, clip)
        while (pid := worker.pid) in (before, None):
            time.sleep(0.001)
        assert pid is not None
        os.kill(pid, signal.SIGINT)
        assert found.result() == "piece-1"
    assert worker.pid == pid


def test_progress_is_told(worker: Worker, clip: Path) -> None:
    told: list[Progress] = []
    asked = {
        "path": str(clip),
        "name": "clip",
        "start_s": 0.0,
        "end_s": None,
        "top": 1,
        "most_s": 60.0,
        "most_pages": 10,
    }
    worker.call(Task("find", asked), 60.0, told.append)
    assert told[0].heard_s > 0


def test_a_stopped_worker_starts_no_more(server: Served, clip: Path, tmp_path: Path) -> None:
    worker = Worker(Setup(str(server.folder), "earmark-2", str(tmp_path), 10**9))
    worker.stop()
    with pytest.raises(Refusal, match="stopping"):
        find(worker, clip)
    assert worker.pid is None
