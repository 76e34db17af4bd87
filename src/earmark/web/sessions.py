"""Keeps what clients may come back to: their queries with the files they sent, and their additions."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request

from earmark.web import uploads
from earmark.web.errors import Refusal, disk_full
from earmark.web.limits import Limits, network_of
from earmark.web.queue import Job, Pool

SWEEP_S = 2.0
STOP_S = 5.0


@dataclass
class KeptQuery:
    """A file to be looked up, and all work on it; ``size`` is 0 when the file is the library's own and stays.

    ``is_sheet`` says that it was sent as sheet music, which is neither followed nor explained.
    """

    job: Job
    name: str
    path: Path
    size: int
    is_sheet: bool = False
    alignments: dict[int, Job] = field(default_factory=dict)
    used: float = field(default_factory=time.monotonic)

    @property
    def semitones(self) -> int:
        """By how many the recording had to be raised to be found; 0 while there is no answer."""
        result = self.job.answer.value.get("result")
        return int(result["query"]["semitones"]) if result else 0

    @property
    def over(self) -> bool:
        return self.job.over and all(job.over for job in self.alignments.values())


@dataclass
class KeptAddition:
    """A score on its way into the library."""

    job: Job
    name: str
    used: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        return self.job.over


@dataclass(eq=False)
class _Upload:
    """One under way: whose it is, the task that receives it, how many bytes came."""

    address: str
    receiving: asyncio.Task[int]
    came: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def lasts_s(self) -> float:
        return time.monotonic() - self.began

    @property
    def bytes_per_s(self) -> float:
        return self.came / self.lasts_s


Kept = TypeVar("Kept", KeptQuery, KeptAddition)


class Sessions:
    """Everything kept for clients, in memory and in ``folder``; for the event loop only."""

    def __init__(self, folder: Path, limits: Limits, pools: Iterable[Pool]) -> None:
        self.queries: dict[str, KeptQuery] = {}
        self.additions: dict[str, KeptAddition] = {}
        self._uploads: list[_Upload] = []
        self._folder, self._limits, self._pools = folder, limits, tuple(pools)
        self._incoming = 0
        self._settling: set[asyncio.Task[None]] = set()

    @property
    def kept_bytes(self) -> int:
        """Bytes on disk: recordings that are kept, and uploads under way."""
        return self._incoming + sum(query.size for query in self.queries.values())

    async def receive(self, request: Request, most_bytes: int, suffix: str = "") -> tuple[Path, int]:
        """A request's body as a file whose name ends in ``suffix``, and its bytes.

        Raises Refusal as `earmark.web.uploads.receive` does, when there are too many or too large ones, and when its
        place is given to another.
        """
        address = network_of(request.client.host if request.client else "")
        self._make_place(address)
        path = self._folder / f"{secrets.token_hex(16)}{suffix}"

        def room(more: int) -> None:
            while (is_full := self._disk_is_full(more)) or self.kept_bytes + more > self._limits.kept_bytes:
                if not self._forget_oldest():
                    busy = Refusal("busy", "too many recordings are waiting", "try again in a moment")
                    raise disk_full() if is_full else busy
            upload.came += more
            self._incoming += more

        receiving = asyncio.create_task(uploads.receive(request, path, most_bytes, self._limits, room))
        upload = _Upload(address, receiving)
        self._uploads.append(upload)
        try:
            size = await receiving
        except asyncio.CancelledError:
            if upload in self._uploads:
                raise
            raise Refusal("busy", "others wait, and this upload was the slowest", "try again in a moment") from None
        finally:
            self._incoming -= upload.came
            if upload in self._uploads:
                self._uploads.remove(upload)
        return path, size

    def _make_place(self, address: str) -> None:
        """Lets another upload of this address begin; raises Refusal when it may not.

        When all places are taken, addresses share them: one that would then have most of all gets no more, and else
        the slowest upload of who has most, once it has had its grace, loses its place.
        """
        of_each = Counter(upload.address for upload in self._uploads)
        if of_each[address] < self._limits.uploads_of_one:
            if len(self._uploads) < self._limits.uploads:
                return
            old = [upload for upload in self._uploads if upload.lasts_s > self._limits.upload_grace_s]
            if old:
                slowest = max(old, key=lambda upload: (of_each[upload.address], -upload.bytes_per_s))
                if of_each[slowest.address] > of_each[address]:
                    self._uploads.remove(slowest)
                    slowest.receiving.cancel()
                    return
        raise Refusal("busy", "too many files are being uploaded", "try again in a moment")

    def _disk_is_full(self, more: int) -> bool:
        return shutil.disk_usage(self._folder).free < more + self._limits.spare_bytes

    def put(self, query: KeptQuery) -> None:
        """Keeps a query; the one that has not been used for longest makes room."""
        while len(self.queries) >= self._limits.kept_queries and self._forget_oldest():
            pass
        self.queries[query.job.id] = query

    def keep_addition(self, addition: KeptAddition, ended: Callable[[], None]) -> None:
        """Keeps an addition; ``ended`` is called in a thread when its job is over, however it ended."""

        async def settle() -> None:
            with suppress(Refusal):
                await addition.job.wait()
            await asyncio.to_thread(ended)

        self.additions[addition.job.id] = addition
        task = asyncio.create_task(settle())
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def close(self) -> None:
        """Waits, but not for long, until additions have ended, as they do when their workers are stopped."""
        if self._settling:
            _, late = await asyncio.wait(self._settling, timeout=STOP_S)
            for task in late:
                task.cancel()

    def query(self, identifier: str) -> KeptQuery:
        """A query, which is kept for another while; raises Refusal, not_found, when it is not there any more."""
        return _used(self.queries, identifier)

    def addition(self, identifier: str) -> KeptAddition:
        """The same for an addition."""
        return _used(self.additions, identifier)

    def forget(self, identifier: str) -> None:
        """Ends all work on a query and removes its recording."""
        query = self.queries.pop(identifier, None)
        if query is None:
            return
        for job in (query.job, *query.alignments.values()):
            for pool in self._pools:
                pool.cancel(job)
        if query.size:
            query.path.unlink(missing_ok=True)

    async def sweep(self) -> None:
        """Forgets, until cancelled, what has not been used for ``kept_s``."""
        while True:
            await asyncio.sleep(SWEEP_S)
            oldest = time.monotonic() - self._limits.kept_s
            for identifier in [key for key, one in self.queries.items() if one.over and one.used < oldest]:
                self.forget(identifier)
            for identifier in [key for key, one in self.additions.items() if one.over and one.used < oldest]:
                del self.additions[identifier]

    def _forget_oldest(self) -> bool:
        """Forgets the query that was used longest ago, if one is over."""
        over = [query for query in self.queries.values() if query.over]
        if over:
            self.forget(min(over, key=lambda query: query.used).job.id)
        return bool(over)


def _used(kept: dict[str, Kept], identifier: str) -> Kept:
    if identifier not in kept:
        raise Refusal("not_found", "this is not kept any more", "ask again")
    kept[identifier].used = time.monotonic()
    return kept[identifier]
