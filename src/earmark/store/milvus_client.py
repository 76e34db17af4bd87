"""A library's collections on a Milvus server: where it is, and its rows written, read, searched and removed there.

`earmark.store.milvus_rows` says what the rows are.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from earmark.errors import BadInput
from earmark.results.places import Kind
from earmark.schema import FloatArray
from earmark.store.milvus_rows import (
    CHUNK,
    FIELDS,
    LONGEST,
    NUMBERS,
    Contents,
    Row,
    State,
    content_ids,
    model_of,
    number_of,
    place_ids,
)
from earmark.store.milvus_tls import CERTIFICATES, tls_trouble
from earmark.store.store import LibraryAway, LibraryUnusable

TOKEN = "EARMARK_MILVUS_TOKEN"
"""Environment variable: ``user:password`` or an API key."""
SCHEMES = ("milvus", "milvus+tls")
PORT = 19530
BATCH = 10_000
"""Rows written at once; Milvus takes 64 MB."""
CHUNKS = 1000
"""Read at once: Milvus gives 64 MB."""
LISTS, PROBES = 1024, 64
"""Of inverted lists in each of Milvus' segments, of at most a few million places, and of those that are looked into."""
TIMEOUT_S = 60.0
RECONNECT_MS = 3000
"""A server that is back is noticed after so long at most; gRPC would wait for as long as it was away, up to 2 min."""
KINDS: tuple[Kind, ...] = ("score", "recording")
AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED")
"""gRPC's codes for what may go well another time (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""
AWAY_NUMBERS = (1, 2, 3, 4, 8, 101, 503, 901)
"""Milvus' own: not ready, unavailable, out of memory, too many requests, rate limit, not loaded, no leader, offline."""


@dataclass(frozen=True)
class Address:
    """Where a library is: ``uri`` as pymilvus takes it, and its name there; ``shown`` is what people gave."""

    shown: str
    uri: str
    name: str

    @classmethod
    def of(cls, where: str) -> Address:
        """That of ``milvus://host:port/name`` or ``milvus+tls://…``; raises BadInput for anything else."""
        parts = urlsplit(where)
        remedy = f"give milvus://HOST:{PORT}/NAME, or milvus+tls:// for TLS"
        if "@" in parts.netloc:
            raise BadInput(f"{parts.scheme}://…", "has a password in it", f"give it in {TOKEN}")
        try:
            host, port = parts.hostname, parts.port or PORT
        except ValueError:
            host, port = None, 0
        if parts.scheme not in SCHEMES or host is None:
            raise BadInput(where, "is no address of a library", remedy)
        name = parts.path.strip("/")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name):
            raise BadInput(where, "names no library", f"{remedy}; a name is letters, digits and _")
        scheme = "https" if parts.scheme == "milvus+tls" else "http"
        return cls(where, f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}", name)


class Rows:
    """The rows of a library on a server, which is made if ``create``.

    Raises LibraryAway when the server does not answer, LibraryUnusable when it refuses, or there is no such library.
    """

    def __init__(self, address: Address, create: bool) -> None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong is raised, and told once
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            remedy = "install what it takes: pip install 'earmark[milvus]'"
            raise LibraryUnusable(address.shown, "is in Milvus", remedy) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self._address = address
        self._known = set[str]()
        options: dict[str, Any] = {"grpc_options": {"grpc.max_reconnect_backoff_ms": RECONNECT_MS}}
        if os.environ.get(CERTIFICATES):
            options["server_pem_path"] = os.environ[CERTIFICATES]
        token = os.environ.get(TOKEN, "")
        try:
            with self.explained():
                self._client = MilvusClient(address.uri, token=token, timeout=TIMEOUT_S, **options)
        except LibraryAway as error:
            raise tls_trouble(address.shown, address.uri) or error from error
        with self.explained():
            if not create and not self._client.has_collection(self._pieces, timeout=TIMEOUT_S):
                remedy = f"make one with: earmark add {address.shown} PATH"
                raise LibraryUnusable(address.shown, "holds no library", remedy)
            self._ensure(self._pieces, dict.fromkeys(("state", "written_ns", *NUMBERS), "INT64"), ("told",))
            self._ensure(self._contents, {}, ("places", "embeddings"))

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns the errors of pymilvus and gRPC into LibraryAway and LibraryUnusable."""
        import grpc
        from pymilvus import MilvusException

        try:
            yield
        except (MilvusException, grpc.RpcError) as error:
            refused = error.__cause__ if isinstance(error.__cause__, grpc.RpcError) else error  # a password, say
            code = refused.code() if isinstance(refused, grpc.RpcError) else refused.code
            told = " ".join(str(getattr(error, "message", "") or code).split())[:160]
            if getattr(code, "name", "") in AWAY or code in AWAY_NUMBERS:
                remedy = "try again; what was added before is kept"
                raise LibraryAway(self._address.shown, f"does not answer ({told})", remedy) from error
            remedy = f"check the address, the name, and {TOKEN}"
            raise LibraryUnusable(self._address.shown, f"cannot be used ({told})", remedy) from error
        except OSError as error:
            raise LibraryUnusable(self._address.shown, f"cannot be used ({error})", f"check {CERTIFICATES}") from error

    def find(self, **texts: str) -> list[Row]:
        """The rows that are `THERE` and seem to have all these texts, by their numbers (`NUMBERS`)."""
        return self.where(there(" and ".join(f"{name} == {number_of(text)}" for name, text in texts.items())))

    def where(self, condition: str, most: int | None = None) -> list[Row]:
        """The rows for which a condition in Milvus' language holds, ``most`` of them if it is given."""
        limit = {} if most is None else {"limit": most}
        with self.explained():
            return [
                Row.read(row) for row in self._client.query(self._pieces, condition, FIELDS, timeout=TIMEOUT_S, **limit)
            ]

    def all(self) -> Iterator[Row]:
        """All rows that are `THERE`."""
        with self.explained():
            condition = there("id >= 0")
            some = self._client.query_iterator(
                self._pieces, 1000, filter=condition, output_fields=FIELDS, timeout=TIMEOUT_S
            )
            while found := some.next():
                yield from map(Row.read, found)
            some.close()

    def write(self, rows: Iterable[Row]) -> None:
        """Writes rows, new ones and in place of those with the same identifiers: all at once, or none."""
        stored = [row.stored(self._address.shown) for row in rows]
        with self.explained():
            self._client.upsert(self._pieces, stored, timeout=TIMEOUT_S)

    def write_contents(self, row: Row, contents: Contents) -> None:
        """Writes what a piece holds, and its places into the index."""
        piece, stored = row.piece, contents.stored(row.piece, self._address.shown)
        whole = contents.embeddings.astype("<f2").astype(np.float32)
        places = [
            {"id": identifier, "kind": KINDS.index(piece.kind), "vector": one}
            for identifier, one in zip(place_ids(piece), whole, strict=True)
        ]
        with self.explained():
            index = self._ensure_index(row.model_id, whole.shape[1])
            for some in _batches(stored, BATCH // CHUNK):
                self._client.upsert(self._contents, some, timeout=TIMEOUT_S)
            for some in _batches(places, BATCH):
                self._client.insert(index, some, timeout=TIMEOUT_S)

    def read_contents(self, rows: Sequence[Row]) -> dict[int, Contents]:
        """What these pieces hold; those of which not all is there are left out."""
        wanted = [identifier for row in rows for identifier in content_ids(row.piece)]
        stored, fields = dict[int, dict[str, Any]](), ["id", "places", "embeddings"]
        with self.explained():
            for some in _batches(wanted, CHUNKS):
                for chunk in self._client.query(self._contents, "", fields, ids=some, timeout=TIMEOUT_S):
                    stored[chunk["id"]] = chunk
        read = {row.piece.id: Contents.read(row.piece, stored) for row in rows}
        return {piece: contents for piece, contents in read.items() if contents is not None}

    def remove(self, rows: Sequence[Row]) -> None:
        """Removes all of some pieces, their own rows last."""
        with self.explained():
            for row in rows:
                if (index := self._index(row.model_id)) in self._known or self._client.has_collection(
                    index, timeout=TIMEOUT_S
                ):
                    for some in _batches(place_ids(row.piece), BATCH):
                        self._client.delete(index, ids=some, timeout=TIMEOUT_S)
                self._client.delete(self._contents, ids=content_ids(row.piece), timeout=TIMEOUT_S)
            if rows:
                self._client.delete(self._pieces, ids=[row.piece.id for row in rows], timeout=TIMEOUT_S)

    def nearest(self, model_id: str, embeddings: FloatArray, k: int, kind: Kind | None = None) -> list[Any]:
        """For each of ``embeddings``, at most ``k`` hits of a kind, or of any, best first: dictionaries with ``id`` and
        ``distance``."""
        index = self._index(model_id)
        with self.explained():
            self._ensure_index(model_id, embeddings.shape[1])
            return list(
                self._client.search(
                    index,
                    data=list(embeddings.astype(np.float32)),
                    limit=k,
                    filter=f"kind == {KINDS.index(kind)}" if kind else "",
                    search_params={"metric_type": "IP", "params": {"nprobe": PROBES}},
                    timeout=TIMEOUT_S,
                )
            )

    def close(self) -> None:
        """Ends the connection."""
        with self.explained():
            self._client.close()

    @property
    def _pieces(self) -> str:
        return f"{self._address.name}_pieces"

    @property
    def _contents(self) -> str:
        return f"{self._address.name}_contents"

    def _index(self, model_id: str) -> str:
        return f"{self._address.name}_places_{hashlib.sha256(model_of(model_id).encode()).hexdigest()[:8]}"

    def _ensure_index(self, model_id: str, dimension: int) -> str:
        name = self._index(model_id)
        if name not in self._known:
            lists = {"index_type": "IVF_SQ8", "metric_type": "IP", "params": {"nlist": LISTS}}
            self._ensure(name, {"kind": "INT8"}, (), dimension, lists)
        return name

    def _ensure(
        self,
        name: str,
        numbers: dict[str, str],
        texts: Sequence[str],
        dimension: int = 2,
        lists: dict[str, Any] | None = None,
    ) -> None:
        """Makes a collection if it is not there, of one shard: what is written at once is in one message. Loads it."""
        from pymilvus import DataType, MilvusClient, MilvusException

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        for field, kind in numbers.items():
            schema.add_field(field, DataType[kind])
        for field in texts:
            schema.add_field(field, DataType.VARCHAR, max_length=LONGEST)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", **(lists or {"index_type": "FLAT", "metric_type": "IP"}))
        try:
            if not self._client.has_collection(name, timeout=TIMEOUT_S):
                self._client.create_collection(
                    name, schema=schema, timeout=TIMEOUT_S, num_shards=1, consistency_level="Strong"
                )
        except MilvusException:
            if not self._client.has_collection(name, timeout=TIMEOUT_S):  # not made by another process meanwhile
                raise
        if not self._client.list_indexes(name, timeout=TIMEOUT_S):
            self._client.create_index(name, index, timeout=TIMEOUT_S)
        self._client.load_collection(name, timeout=TIMEOUT_S)
        self._known.add(name)


def there(condition: str) -> str:
    """That, and that the piece is in the library."""
    return f"state == {State.THERE} and ({condition})"


def _batches(values: Sequence[Any], size: int) -> Iterator[Any]:
    return (values[start : start + size] for start in range(0, len(values), size))
