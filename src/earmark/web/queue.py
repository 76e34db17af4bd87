"""Queues jobs, with a bound and fairly between clients, and hands them to workers.

Addresses take turns, and at one address the names that clients give themselves: whoever asks for much waits for
itself, not the others. Bounds hold for an address, since a name can be chosen anew for every job. Everything here runs
on the event loop; only the call into a worker's process waits in a thread, of which each worker has its own.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import Literal, NamedTuple, Protocol

from earmark.errors import EarmarkError
from earmark.web.errors import Refusal
from earmark.web.protocol import Answer, Progress, Task

State = Literal["waiting", "working", "done", "failed"]
WAITING_S = 1.0
log = logging.getLogger(__name__)


class Caller(Protocol):
    """What does the work: `earmark.web.worker_process.Worker`, or a test's own. Called in threads."""

    def call(self, task: Task, limit_s: float, progress: Callable[[Progress], None]) -> Answer:
        """Does the task, calling ``progress`` now and then; raises Refusal when it cannot be done."""
        ...

    def start(self) -> None:
        """Makes ready for the first call."""
        ...

    def kill(self) -> None:
        """Ends what it does, if anything, at once: ``call`` then raises."""
        ...

    def stop(self) -> None:
        """The same, for good."""
        ...


class Client(NamedTuple):
    """Who asks: where from, and the name that it gives itself."""

    address: str
    name: str = ""


class Job:
    """One task of one client on its way through a queue; ``answer`` when done, ``refusal`` when failed.

    ``otherwise`` is asked, in a thread, when a worker could not do it: the answer if it has been done nevertheless.
    """

    def __init__(
        self, client: Client, task: Task, limit_s: float, otherwise: Callable[[], Answer | None] = lambda: None
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.client, self.task, self.limit_s, self.otherwise = client, task, limit_s, otherwise
        self.state: State = "waiting"
        self.progress = Progress()
        self.answer = Answer()
        self.refusal: Refusal | None = None
        self.seconds = 0.0
        self._changed = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether it is done or has failed."""
        return self.state in ("done", "failed")

    def change(self, state: State | None = None, progress: Progress | None = None) -> None:
        """Notes what is new and wakes those who watch."""
        self.state = state or self.state
        self.progress = progress or self.progress
        self._changed.set()
        self._changed = asyncio.Event()

    def fail(self, refusal: Refusal) -> None:
        """Ends the job without an answer, if it has not ended yet."""
        if not self.over:
            self.refusal = refusal
            self.change("failed")

    async def changes(self, least_s: float) -> AsyncIterator[None]:
        """Now, and after every change, but not more often than each ``least_s``; ends when the job is over.

        While it waits also every `WAITING_S`, since its place in the queue changes.
        """
        while not self.over:
            changed = self._changed
            yield
            await asyncio.sleep(least_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), WAITING_S if self.state == "waiting" else None)
        yield

    async def wait(self) -> Answer:
        """The answer, when it is there; raises Refusal if the job fails."""
        while not self.over:
            await self._changed.wait()
        if self.refusal:
            raise self.refusal
        return self.answer


class FairQueue:
    """Waiting jobs, first come first served for one client, in turns between addresses and between an address's names.

    It holds at most ``most`` jobs, and at most ``most_of_one`` of one address.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._waiting: OrderedDict[str, OrderedDict[str, deque[Job]]] = OrderedDict()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(self._of, self._waiting))

    def put(self, job: Job) -> None:
        """Adds a job; raises Refusal, busy, when there is no room."""
        address, name = job.client
        if len(self) >= self._most or self._of(address) >= self._most_of_one:
            raise Refusal("busy", "too many questions are waiting", "try again in a moment")
        self._waiting.setdefault(address, OrderedDict()).setdefault(name, deque()).append(job)
        self._filled.set()

    async def take(self) -> Job:
        """The next job, when there is one."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        job = next(self._in_turn())
        self.drop(job)
        address, name = job.client
        if names := self._waiting.get(address):  # both to the end of their rounds
            self._waiting.move_to_end(address)
            if name in names:
                names.move_to_end(name)
        return job

    def drop(self, job: Job) -> None:
        """Takes a job out, if it waits here."""
        address, name = job.client
        names = self._waiting.get(address, OrderedDict[str, deque[Job]]())
        own = names.get(name, deque())
        if job in own:
            own.remove(job)
            if not own:
                del names[name]
            if not names:
                del self._waiting[address]

    def ahead(self, job: Job) -> int | None:
        """How many of the jobs here will be taken before this one; None when it does not wait here."""
        return next((count for count, one in enumerate(self._in_turn()) if one is job), None)

    def _of(self, address: str) -> int:
        """How many jobs of this address wait."""
        return sum(map(len, self._waiting.get(address, {}).values()))

    def _in_turn(self) -> Iterator[Job]:
        """All jobs in the order in which they will be taken if no others come."""
        return _take_turns(_take_turns(names.values()) for names in self._waiting.values())


def _take_turns(groups: Iterable[Iterable[Job]]) -> Iterator[Job]:
    """The first of each group, then the second of each that has one, and so on."""
    waiting = deque(map(iter, groups))
    while waiting:
        group = waiting.popleft()
        for job in group:
            yield job
            waiting.append(group)
            break


class Pool:
    """Workers of one kind and their queue."""

    def __init__(self, name: str, workers: Sequence[Caller], most: int, most_of_one: int) -> None:
        self.name, self.workers = name, workers
        self.queue = FairQueue(most, most_of_one)
        self.ended: Callable[[Job], None] = lambda job: None
        self._at_work: dict[Job, Caller] = {}

    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self.queue)

    def working(self) -> int:
        """Jobs that workers are busy with."""
        return len(self._at_work)

    def submit(
        self, client: Client, task: Task, limit_s: float, otherwise: Callable[[], Answer | None] = lambda: None
    ) -> Job:
        """Queues a task; raises Refusal, busy, when there is no room. For ``otherwise`` see `Job`."""
        job = Job(client, task, limit_s, otherwise)
        self.queue.put(job)
        return job

    def cancel(self, job: Job) -> None:
        """Ends a job wherever it is; its worker's process with it."""
        self.queue.drop(job)
        if worker := self._at_work.get(job):
            worker.kill()
        job.fail(Refusal("gave_up", "the job was given up", "start it again"))

    def stop(self) -> None:
        """Ends all workers' processes for good."""
        for worker in self.workers:
            worker.stop()

    async def run(self) -> None:
        """Lets the workers work until cancelled."""
        threads = ThreadPoolExecutor(len(self.workers), self.name)
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self.workers:
                    group.create_task(self._serve(worker, threads))
        finally:
            threads.shutdown(wait=False)

    async def _serve(self, worker: Caller, threads: Executor) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(threads, worker.start)
        while True:
            job = await self.queue.take()
            job.change("working")
            self._at_work[job] = worker
            start = time.monotonic()

            def progress(state: Progress, job: Job = job) -> None:
                loop.call_soon_threadsafe(job.change, None, state)

            try:
                job.answer = await loop.run_in_executor(threads, _done, worker, job, progress)
                if not job.over:
                    job.change("done")
            except Refusal as refusal:
                job.fail(refusal)
            except Exception:  # a bug must not take the worker out of service
                log.exception("%s failed", job.task.name)
                job.fail(Refusal("internal", "something went wrong in the server", "see what it printed"))
            finally:
                del self._at_work[job]
                job.seconds = time.monotonic() - start
                self.ended(job)


def _done(worker: Caller, job: Job, progress: Callable[[Progress], None]) -> Answer:
    try:
        return worker.call(job.task, job.limit_s, progress)
    except Refusal:
        answer = None
        with suppress(EarmarkError):  # who knows cannot be asked
            answer = job.otherwise()
        if answer is None:
            raise
        return answer
