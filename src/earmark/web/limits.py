"""The limits of a server: sizes, times and numbers, in one frozen set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    * ``audio_bytes``, ``audio_s``: one recording; ``score_bytes``, ``score_pages``: one score
    * ``question_pages``: sheet music that is looked up (the API calls it so)
    * ``kept_bytes``, ``kept_queries``, ``kept_s``: recordings kept for following and explaining them, all together,
      how many, how long after their last use
    * ``uploads``, ``uploads_of_one``: at the same time, in all and of one address; each has ``upload_grace_s`` and then
      must bring ``upload_bytes_per_s`` on average; while all places are taken, one that has had its grace may lose its
      place
    * ``waiting``, ``waiting_of_one``: jobs in each queue, in all and of one address
    * ``query_s``, ``addition_s``, ``view_s``: what one job may take before its process is ended
    * ``worker_memory_bytes``: what a job's process may take beyond what it holds when it is ready
    * ``live_sessions``, ``live_s``, ``live_message_bytes``: how many listen at a time, how long, in what portions
    * ``library_bytes``: what clients added and the database, together; ``spare_bytes`` stay free on a disk
    * ``undo_s``, ``undos``: how long, and how many, removed pieces can be brought back
    * ``header_s``: until a connection's request has to be complete
    * ``connections``, ``connections_of_one``: how many may be open, in all and of one address
    """

    audio_bytes: int = 400 * MB
    audio_s: float = 3600.0
    score_bytes: int = 200 * MB
    score_pages: int = 1000
    question_pages: int = 100
    kept_bytes: int = 4000 * MB
    kept_queries: int = 200
    kept_s: float = 900.0
    uploads: int = 64
    uploads_of_one: int = 32
    upload_grace_s: float = 20.0
    upload_bytes_per_s: float = 10_000.0
    waiting: int = 128
    waiting_of_one: int = 64
    query_s: float = 120.0
    addition_s: float = 600.0
    view_s: float = 30.0
    worker_memory_bytes: int = 2000 * MB
    live_sessions: int = 4
    live_message_bytes: int = 65_536
    live_s: float = 1800.0
    library_bytes: int = 20_000 * MB
    spare_bytes: int = 200 * MB
    undo_s: float = 600.0
    undos: int = 100
    header_s: float = 10.0
    connections: int = 512
    connections_of_one: int = 256


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What limits for one address count by: an IPv4 address, or the /64 of an IPv6 one, as one host may use it all."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return address
