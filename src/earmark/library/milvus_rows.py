"""A Milvus server as rows: those of pieces, of what they hold, and of their places, which are searched.

A library ``NAME`` is three kinds of collections (https://milvus.io/docs):

* ``NAME_pieces``: a row a piece, with its `State`; what is looked up is there as a number (`number_of`), for filters
  hold no text of other people's; everything else is JSON in ``told``
* ``NAME_contents``: embeddings and places, `CHUNK` of them a row, in the order in which they are played
* ``NAME_places_MODEL``: a row a place, of one model's embeddings: the index, of which only identifiers are read

A row of the last two is called ``piece << BITS | number``, so that all is found by its identifier. Milvus wants a
vector in every row: where there is none to be searched it is `NO_VECTOR`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import socket
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from earmark.errors import BadInput
from earmark.library.sources import PageFile, whole_file
from earmark.library.store import LibraryAway, LibraryUnusable, Piece
from earmark.results import Kind, Link, Place
from earmark.schema import FloatArray, Page

TOKEN, CERTIFICATES = "EARMARK_MILVUS_TOKEN", "EARMARK_MILVUS_CA"
"""Environment variables: ``user:password`` or an API key; a PEM file of the certificates to trust."""
SCHEMES = ("milvus", "milvus+tls")
PORT = 19530
BITS = 20
"""Of a row's identifier, for its number in the piece; the others are the piece's, which JavaScript can count, too."""
CHUNK = 256
LONGEST = 65_535
"""Bytes of a text in Milvus."""
BATCH = 10_000
"""Rows written at once; Milvus takes 64 MB."""
CHUNKS = 1000
"""Read at once: Milvus gives 64 MB."""
NO_VECTOR = [0.0, 0.0]
LISTS, PROBES = 1024, 64
"""Of inverted lists in each of Milvus' segments, of at most a few million places, and of those that are looked into."""
TIMEOUT_S = 60.0
NUMBERS = ("source", "file", "name", "content", "model")
FIELDS = ["state", "written_ns", "told"]
KINDS: tuple[Kind, ...] = ("score", "recording")
AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED")
"""gRPC's codes for what may go well another time (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""
AWAY_NUMBERS = (1, 2, 3, 4, 8, 101, 503, 901)
"""Milvus' own: not ready, unavailable, out of memory, too many requests, rate limit, not loaded, no leader, offline."""


class State(IntEnum):
    """Of a piece's row. Only what is `THERE` is in the library; the rest is on its way."""

    COMING = 0
    THERE = 1
    GOING = 2


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


@dataclass(frozen=True)
class Row:
    """A piece's row; ``written_ns`` is when it was first written, ``edited`` what a person has set of it.

    ``links`` are what was found when the piece was held against all others, without names; None: it was not yet.
    """

    piece: Piece
    state: State
    written_ns: int
    model_id: str
    files: tuple[PageFile, ...]
    pages: tuple[Page, ...]
    edited: tuple[str, ...] = ()
    links: tuple[Link, ...] | None = None

    @property
    def age(self) -> tuple[int, int]:
        """What is less for the older of two pieces; no two have the same."""
        return self.written_ns, self.piece.id

    def stored(self, where: str) -> dict[str, Any]:
        """The row as Milvus takes it; raises LibraryUnusable when it is too long."""
        told = {
            "piece": asdict(self.piece) | {"source": elsewhere(self.piece.source)},
            "model_id": self.model_id,
            "files": [(elsewhere(file.path), file.size, file.mtime_ns) for file in self.files],
            "pages": [astuple(page) for page in self.pages],
            "edited": self.edited,
            "links": None if self.links is None else [asdict(one) for one in self.links],
        }
        return {
            "id": self.piece.id,
            "state": int(self.state),
            "written_ns": self.written_ns,
            "source": number_of(elsewhere(self.piece.source)),
            "file": number_of(elsewhere(whole_file(self.piece.source))),
            "name": number_of(self.piece.name),
            "content": number_of(self.piece.sha256),
            "model": number_of(model_of(self.model_id)),
            "told": _packed(told, where, self.piece.name),
            "vector": NO_VECTOR,
        }

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Row:
        """What `stored` wrote."""
        told = _unpacked(stored["told"])
        given = told["piece"] | {"source": here(told["piece"]["source"]), "tags": tuple(told["piece"].get("tags", ()))}
        piece = Piece(**given)
        files = tuple(PageFile(here(path), size, mtime_ns) for path, size, mtime_ns in told["files"])
        pages = tuple(Page(*page) for page in told["pages"])
        state, edited = State(stored["state"]), tuple(told["edited"])
        links = None if told["links"] is None else tuple(_link(**one) for one in told["links"])
        return cls(piece, state, stored["written_ns"], told["model_id"], files, pages, edited, links)


@dataclass(frozen=True)
class Contents:
    """A piece's places, or the times of its excerpts, and their embeddings, float32 [n, dimension]."""

    places: list[Place] | list[float]
    embeddings: FloatArray


class Rows:
    """The rows of a library on a server, which is made if ``create``.

    Raises LibraryAway when the server does not answer, LibraryUnusable when it refuses, or there is no such library.
    """

    def __init__(self, address: Address, create: bool) -> None:
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            remedy = "install what it takes: pip install 'earmark[milvus]'"
            raise LibraryUnusable(address.shown, "is in Milvus", remedy) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what goes wrong is raised, and told once
        self._address = address
        self._known = set[str]()
        options = {"server_pem_path": os.environ[CERTIFICATES]} if os.environ.get(CERTIFICATES) else {}
        token = os.environ.get(TOKEN, "")
        with self.explained():
            self._client = MilvusClient(address.uri, token=token, timeout=TIMEOUT_S, **options)
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
            code = error.code() if isinstance(error, grpc.RpcError) else error.code
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
            some = self._client.query_iterator(self._pieces, 1000, filter=there("id >= 0"), output_fields=FIELDS)
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
        piece, halves = row.piece, contents.embeddings.astype("<f2")
        if len(halves) > 1 << BITS:
            raise LibraryUnusable(self._address.shown, f"holds no piece as long as {piece.name!r}", "split it")
        with self.explained():
            index = self._ensure_index(row.model_id, halves.shape[1])
            chunks = [
                {
                    "id": piece.id << BITS | number,
                    "places": _packed(list(map(_told, contents.places[start : start + CHUNK])), "", piece.name),
                    "embeddings": base64.b64encode(halves[start : start + CHUNK].tobytes()).decode(),
                    "vector": NO_VECTOR,
                }
                for number, start in enumerate(range(0, len(halves), CHUNK))
            ]
            for some in _batches(chunks, BATCH // CHUNK):
                self._client.upsert(self._contents, some, timeout=TIMEOUT_S)
            kind, whole = KINDS.index(piece.kind), halves.astype(np.float32)
            for start in range(0, len(halves), BATCH):
                numbered = enumerate(whole[start : start + BATCH], start)
                places = [{"id": piece.id << BITS | i, "kind": kind, "vector": one} for i, one in numbered]
                self._client.insert(index, places, timeout=TIMEOUT_S)

    def read_contents(self, rows: Sequence[Row]) -> dict[int, Contents]:
        """What these pieces hold; those of which not all is there are left out."""
        wanted = [row.piece.id << BITS | i for row in rows for i in range(-(-row.piece.places // CHUNK))]
        chunks, fields = dict[int, dict[str, Any]](), ["id", "places", "embeddings"]
        with self.explained():
            for some in _batches(wanted, CHUNKS):
                for row in self._client.query(self._contents, "", fields, ids=some, timeout=TIMEOUT_S):
                    chunks[row["id"]] = row
        found = {}
        for row in rows:
            own = [chunks.get(row.piece.id << BITS | i) for i in range(-(-row.piece.places // CHUNK))]
            parts = [chunk for chunk in own if chunk is not None]
            if len(parts) == len(own):
                told = [place for chunk in parts for place in _unpacked(chunk["places"])]
                stored = b"".join(base64.b64decode(chunk["embeddings"]) for chunk in parts)
                embeddings = np.frombuffer(stored, "<f2").reshape(row.piece.places, -1).astype(np.float32)
                places: Any = [_place(one) for one in told] if row.piece.kind == "score" else told
                found[row.piece.id] = Contents(places, embeddings)
        return found

    def remove(self, rows: Sequence[Row]) -> None:
        """Removes all of some pieces, their own rows last."""
        with self.explained():
            for row in rows:
                if (index := self._index(row.model_id)) in self._known or self._client.has_collection(index):
                    for some in _batches([row.piece.id << BITS | i for i in range(row.piece.places)], BATCH):
                        self._client.delete(index, ids=some, timeout=TIMEOUT_S)
                chunks = [row.piece.id << BITS | i for i in range(-(-row.piece.places // CHUNK))]
                self._client.delete(self._contents, ids=chunks, timeout=TIMEOUT_S)
            if rows:
                self._client.delete(self._pieces, ids=[row.piece.id for row in rows], timeout=TIMEOUT_S)

    def nearest(self, model_id: str, embeddings: FloatArray, k: int, kind: Kind) -> list[Any]:
        """For each of ``embeddings``, at most ``k`` hits, best first: dictionaries with ``id`` and ``distance``."""
        index = self._index(model_id)
        with self.explained():
            self._ensure_index(model_id, embeddings.shape[1])
            return list(
                self._client.search(
                    index,
                    data=list(embeddings.astype(np.float32)),
                    limit=k,
                    filter=f"kind == {KINDS.index(kind)}",
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


def number_of(text: str) -> int:
    """A number for a text, int64: equal texts have equal ones, and others nearly always have others."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little", signed=True)


def model_of(model_id: str) -> str:
    """What of a model's identifier tells its encoders from others: their checksum."""
    return model_id.rpartition("-")[2]


def elsewhere(path: str) -> str:
    """A path of this machine as others may know it: with the machine's name (RFC 8089). Addresses stay."""
    return f"file://{socket.gethostname()}/{path.removeprefix('/')}" if os.path.isabs(path) else path


def here(name: str) -> str:
    """What `elsewhere` was given, if it was on this machine; else the name as it is."""
    own = f"file://{socket.gethostname()}/"
    if not name.startswith(own):
        return name
    return name.removeprefix(own) if os.name == "nt" else f"/{name.removeprefix(own)}"


def _told(place: Place | float) -> Any:
    """A place or a time as JSON, as precise as `earmark.library.tables` keeps it."""
    if not isinstance(place, Place):
        return float(np.float32(place))
    return place.page, place.system, [round(float(np.float32(value)), 5) for value in place.box], place.measure


def _place(told: Any) -> Place:
    page, system, box, measure = told
    return Place(page, system, tuple(box), measure)


def _link(heard_s: list[list[float]], **told: Any) -> Link:
    return Link(**told, heard_s=tuple((start_s, end_s) for start_s, end_s in heard_s))


def _packed(value: Any, where: str, name: str) -> str:
    text = base64.b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode())).decode()
    if len(text) > LONGEST:
        raise LibraryUnusable(where, f"takes no piece with as much to be told of it as {name!r}", "split it")
    return text


def _unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def _batches(values: Sequence[Any], size: int) -> Iterator[Any]:
    return (values[start : start + size] for start in range(0, len(values), size))
