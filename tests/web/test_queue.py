"""Queues: bounded, fair, and not brought down by what goes wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from earmark.errors import EarmarkError
from earmark.web.errors import Refusal
from earmark.web.protocol import Answer, Progress, Task
from earmark.web.queue import Client, FairQueue, Job, Pool


class Worker:
    """Does tasks by name: ``wait`` until it is killed or let go, ``fail``, ``break``; others at once."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.go = threading.Event()
        self.killed = False

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None:
        self.killed = True
        self.go.set()

    def call(self, task: Task, limit_s: float, progress: Callable[[Progress], None]) -> Answer:
        if task.name == "wait":
            progress(Progress(0.5))
            assert self.go.wait(30)
            if self.killed:
                raise Refusal("gave_up", "killed", "")
        if task.name == "fail":
            raise Refusal("unusable_file", "bad", "worse")
        if task.name == "break":
            raise ZeroDivisionError
        self.done.append(task.name)
        return Answer({"task": task.name})


def jobs(text: str) -> list[Job]:
    """``"a1 bx1"``: jobs from the addresses ``a`` and ``b``, the second under the name ``x``."""
    return [Job(Client(name[0], name[1:-1]), Task(name), 1.0) for name in text.split()]


def test_clients_take_turns() -> None:
    async def run() -> None:
        queue = FairQueue(10, 10)
        waiting = jobs("a1 a2 a3 b1 b2 c1")
        for job in waiting:
            queue.put(job)
        expected = ["a1", "b1", "c1", "a2", "b2", "a3"]
        assert [queue.ahead(job) for job in waiting] == [expected.index(job.task.name) for job in waiting]
        assert [(await queue.take()).task.name for _ in waiting] == expected
        assert len(queue) == 0

    asyncio.run(run())


def test_who_comes_late_does_not_wait_for_all_of_another() -> None:
    async def run() -> None:
        queue = FairQueue(10, 10)
        for job in jobs("a1 a2 a3 a4"):
            queue.put(job)
        taken = [(await queue.take()).task.name]
        (late,) = jobs("b1")
        queue.put(late)
        assert queue.ahead(late) == 1
        taken += [(await queue.take()).task.name for _ in range(4)]
        assert taken == ["a1", "a2", "b1", "a3", "a4"]

    asyncio.run(run())


def test_names_share_the_turns_and_the_room_of_their_address() -> None:
    async def run() -> None:
        queue = FairQueue(10, 4)
        waiting = jobs("ax1 ax2 ay1 az1 b1 b2")
        for job in waiting:
            queue.put(job)
        expected = ["ax1", "b1", "ay1", "b2", "az1", "ax2"]
        assert [queue.ahead(job) for job in waiting] == [expected.index(job.task.name) for job in waiting]
        with pytest.raises(Refusal, match="waiting"):
            queue.put(jobs("aw1")[0])
        assert [(await queue.take()).task.name for _ in waiting] == expected

    asyncio.run(run())


def test_queues_are_bounded_for_all_and_for_one() -> None:
    async def run() -> None:
        queue = FairQueue(3, 2)
        for job in jobs("a1 a2"):
            queue.put(job)
        with pytest.raises(Refusal, match="waiting") as refused:
            queue.put(jobs("a3")[0])
        assert (refused.value.kind, refused.value.headers) == ("busy", {"Retry-After": "2"})
        queue.put(jobs("b1")[0])
        with pytest.raises(Refusal, match="waiting"):
            queue.put(jobs("c1")[0])

    asyncio.run(run())


def test_a_job_that_is_dropped_is_not_taken() -> None:
    async def run() -> None:
        queue = FairQueue(9, 9)
        one, two, three = jobs("a1 a2 b1")
        for job in (one, two, three):
            queue.put(job)
        queue.drop(one)
        queue.drop(three)
        queue.drop(three)
        assert await queue.take() is two
        assert (len(queue), queue.ahead(one)) == (0, None)

    asyncio.run(run())


def test_what_goes_wrong_ends_one_job_only() -> None:
    async def run() -> None:
        worker = Worker()
        pool = Pool("test", [worker], 10, 10)
        ended: list[str] = []
        pool.ended = lambda job: ended.append(job.task.name)
        running = asyncio.create_task(pool.run())
        waiting = pool.submit(Client("a"), Task("wait"), 1.0)
        states = []
        async for _ in waiting.changes(0.0):
            states.append((waiting.state, waiting.progress.done))
            if waiting.progress.done:
                worker.go.set()
        assert states[0] == ("waiting", None)
        assert ("working", 0.5) in states
        assert states[-1] == ("done", 0.5)
        for name, kind in (("fail", "unusable_file"), ("break", "internal")):
            with pytest.raises(Refusal) as refused:
                await pool.submit(Client("a"), Task(name), 1.0).wait()
            assert refused.value.kind == kind
        assert (await pool.submit(Client("a"), Task("fine"), 1.0).wait()).value == {"task": "fine"}
        assert ended == ["wait", "fail", "break", "fine"]
        running.cancel()

    asyncio.run(run())


def test_a_job_can_be_ended_wherever_it_is() -> None:
    async def run() -> None:
        worker = Worker()
        pool = Pool("test", [worker], 10, 10)
        running = asyncio.create_task(pool.run())
        working, waiting = pool.submit(Client("a"), Task("wait"), 1.0), pool.submit(Client("a"), Task("never"), 1.0)
        while working.state != "working":
            await asyncio.sleep(0.01)
        pool.cancel(waiting)
        pool.cancel(working)
        assert worker.killed
        for job in (working, waiting):
            with pytest.raises(Refusal, match="given up"):
                await job.wait()
        assert (await pool.submit(Client("a"), Task("next"), 1.0).wait()).value == {"task": "next"}
        assert worker.done == ["next"]
        running.cancel()

    asyncio.run(run())


def test_workers_that_wait_leave_the_other_threads_alone() -> None:
    """Lists of pieces and files are read in the event loop's own threads, of which there are few."""

    async def run() -> None:
        workers = [Worker() for _ in range(40)]
        pool = Pool("test", workers, 40, 40)
        running = asyncio.create_task(pool.run())
        waiting = [pool.submit(Client("a"), Task("wait"), 1.0) for _ in workers]
        while pool.working() < len(workers):
            await asyncio.sleep(0.01)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "read"), 10) == "read"
        for worker in workers:
            worker.go.set()
        for job in waiting:
            await job.wait()
        running.cancel()

    asyncio.run(run())


def test_what_a_lost_worker_has_done_is_done() -> None:
    """Whoever knows is asked; if nobody can be, it has failed as it did."""

    def damaged() -> Answer:
        raise EarmarkError("the library is damaged")

    async def run() -> None:
        pool = Pool("test", [Worker()], 10, 10)
        running = asyncio.create_task(pool.run())
        done = Answer({"outcome": "added"})
        assert await pool.submit(Client("a"), Task("fail"), 1.0, lambda: done).wait() == done
        for otherwise in (lambda: None, damaged):
            with pytest.raises(Refusal) as refused:
                await pool.submit(Client("a"), Task("fail"), 1.0, otherwise).wait()
            assert refused.value.kind == "unusable_file"
        running.cancel()

    asyncio.run(run())
