"""The tables of ``library.sqlite``, how those of earlier formats are brought up to date, and their checksums.

``user_version`` is the format's version:

* ``meta(key, value)``: ``model`` is the model_id whose embeddings these are
* ``pieces(id, name, source, sha256, added_at, kind, title, composer, note, tags, bookmarks)``: ``id`` is never used
  twice; ``source`` is the absolute path or the address; ``kind`` is ``score`` or ``recording``; ``tags`` a line each;
  ``bookmarks`` JSON of `earmark.store.store.Bookmark`, a line each
* ``files(piece, number, path, size, mtime_ns)``: what the piece was read from, in page order
* ``pages(piece, number, width_px, height_px, systems, image, side)``: see `earmark.schema.Page`
* ``thumbnails(piece, png, checksum)``: a small picture of the first page, and its CRC-32; pieces that were added by
  earlier formats have none, nor have recordings
* ``vectors(piece, vectors, places)``: float16 [n, dimension] and `PLACE` [n] as little-endian bytes; a recording's
  places are float32 seconds
* ``measures(piece, place, number)``: from this place on, up to the next row's, that measure; pieces without have none
* ``beats(piece, beats)``: the beat of each place, float32 [n] as little-endian bytes, NaN where it is not known; pieces
  that were added by earlier formats have none, nor have those of which no beat is known
* ``edits(piece, fields)``: which of ``title`` and ``composer`` a person has set: they stay when the file changes
* ``links(asker, piece, other, relation, confidence, sure, heard)``: what was found when ``asker``, one of the two, was
  held against all others; ``heard`` is JSON of `earmark.results.links.Link.heard_s`
* ``linked(piece, checksum)``: which pieces have been held so, and a CRC-32 of what was found. Where it is another, of
  damage or since the other piece is gone, the piece is held against all others again
* ``checksums(piece, facts, embeddings, places)``: CRC-32 of the piece's rows in ``pieces``, ``files`` and ``pages``; of
  its embeddings; of its places, measures and beats. ``meta`` has another under ``checksum``, of the tables and the
  model

CRC-32 (`zlib.crc32`) is the cheapest that does: it guards against damage, not against people.
"""

from __future__ import annotations

import sqlite3
import zlib

import numpy as np

FORMAT = 8
APPLICATION_ID = 0x4561726D  # "Earm"
PLACE = np.dtype([("page", "<i4"), ("system", "<i4"), ("box", "<f4", (4,))])
TIME = np.dtype("<f4")
BEAT = np.dtype("<f4")

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE pieces (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL, added_at TEXT NOT NULL) STRICT;
CREATE INDEX pieces_by_content ON pieces (sha256);
CREATE TABLE files (
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE, number INTEGER NOT NULL,
    path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, PRIMARY KEY (piece, number)) STRICT;
CREATE TABLE pages (
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE, number INTEGER NOT NULL,
    width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, systems INTEGER NOT NULL,
    PRIMARY KEY (piece, number)) STRICT;
CREATE TABLE vectors (
    piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE,
    vectors BLOB NOT NULL, places BLOB NOT NULL) STRICT;
"""
UPGRADES = {
    2: """
ALTER TABLE pieces ADD COLUMN kind TEXT NOT NULL DEFAULT 'score';
ALTER TABLE pieces ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE pieces ADD COLUMN composer TEXT NOT NULL DEFAULT '';
CREATE TABLE measures (
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE, place INTEGER NOT NULL, number TEXT NOT NULL,
    PRIMARY KEY (piece, place)) STRICT;
""",
    3: """
CREATE TABLE checksums (
    piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE,
    facts INTEGER NOT NULL, embeddings INTEGER NOT NULL, places INTEGER NOT NULL) STRICT;
""",
    4: """
CREATE TABLE edits (piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE, fields TEXT NOT NULL) STRICT;
""",
    5: """
CREATE TABLE links (
    asker INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE,
    piece INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE,
    other INTEGER NOT NULL REFERENCES pieces ON DELETE CASCADE,
    relation TEXT NOT NULL, confidence REAL NOT NULL, sure INTEGER NOT NULL, heard TEXT NOT NULL,
    PRIMARY KEY (asker, piece, other)) STRICT;
CREATE INDEX links_by_piece ON links (piece);
CREATE INDEX links_by_other ON links (other);
CREATE TABLE linked (piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE, checksum INTEGER NOT NULL) STRICT;
""",
    6: """
ALTER TABLE pieces ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE pieces ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE pages ADD COLUMN image INTEGER;
ALTER TABLE pages ADD COLUMN side TEXT;
CREATE TABLE thumbnails (
    piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE,
    png BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
""",
    7: """
ALTER TABLE pieces ADD COLUMN bookmarks TEXT NOT NULL DEFAULT '';
""",
    8: """
CREATE TABLE beats (piece INTEGER PRIMARY KEY REFERENCES pieces ON DELETE CASCADE, beats BLOB NOT NULL) STRICT;
""",
}
"""What each format added to the one before."""

# Of the piece ``id``: checksums of what there is now. The rows of a piece come in the order of the primary key. What a
# later format added counts only where it is set, so that checksums of earlier ones stay.
FACTS = """
crc32(name, source, sha256, added_at, kind, title,
    composer || coalesce((SELECT char(10) || fields FROM edits WHERE piece = id), '')
        || iif(note = '' AND tags = '', '', char(10) || note || char(10) || tags)
        || iif(bookmarks = '', '', char(10) || bookmarks),
    (SELECT group_concat(number || ' ' || path || ' ' || size || ' ' || mtime_ns, char(10))
        FROM (SELECT * FROM files WHERE piece = id ORDER BY number)),
    (SELECT group_concat(number || ' ' || width_px || ' ' || height_px || ' ' || systems
            || coalesce(' ' || image || coalesce(' ' || side, ''), ''), char(10))
        FROM (SELECT * FROM pages WHERE piece = id ORDER BY number)))
"""
PLACES = """
crc32(places, (SELECT group_concat(place || ' ' || number, char(10))
    FROM (SELECT * FROM measures WHERE piece = id ORDER BY place))
        || coalesce((SELECT char(10) || crc32(beats) FROM beats WHERE piece = id), ''))
"""
TABLES_AND_MODEL = """
crc32((SELECT value FROM meta WHERE key = 'model'),
    (SELECT group_concat(sql, char(10)) FROM
        (SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name)))
"""
LINKS = """
crc32((SELECT group_concat(
        piece || ' ' || other || ' ' || relation || ' ' || confidence || ' ' || sure || ' ' || heard, char(10))
    FROM (SELECT * FROM links WHERE asker = id ORDER BY piece, other)))
"""
PIECES = f"""
SELECT id, name, source, sha256, added_at,
    (SELECT count(*) FROM pages WHERE piece = id), (SELECT coalesce(sum(systems), 0) FROM pages WHERE piece = id),
    (SELECT length(places) FROM vectors WHERE piece = id) / iif(kind = 'score', {PLACE.itemsize}, {TIME.itemsize}),
    kind, title, composer, note, tags, bookmarks, (SELECT facts FROM checksums WHERE piece = id) IS {FACTS}
FROM pieces
"""
"""Columns of `earmark.store.store.Piece`, and whether its rows are as they were put."""
IS_WHOLE = f"""
(SELECT checksums.places FROM checksums WHERE piece = id) IS {PLACES}
AND (SELECT embeddings FROM checksums WHERE piece = id) IS crc32(vectors)
"""
"""Whether what is in ``vectors``, joined to ``pieces``, the measures and the beats are as they were put."""
SUMS = f"SELECT id, {FACTS}, crc32(vectors), {PLACES} FROM pieces JOIN vectors ON piece = id"
"""Rows of ``checksums``, of what there is now."""


def make(db: sqlite3.Connection) -> None:
    """Makes all tables, in a transaction."""
    _execute_all(db, SCHEMA)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    upgrade(db)


def upgrade(db: sqlite3.Connection) -> None:
    """To the present format, in a transaction; another process may have done it meanwhile."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number in range(version + 1, FORMAT + 1):
        _execute_all(db, UPGRADES[number])
    if version < 3:
        db.execute(f"INSERT INTO checksums {SUMS}")
    if version < FORMAT:
        note_tables(db)
        db.execute(f"PRAGMA user_version = {FORMAT}")


def note_tables(db: sqlite3.Connection) -> None:
    """Notes the checksum of the tables and the model's name."""
    db.execute(f"INSERT OR REPLACE INTO meta VALUES ('checksum', {TABLES_AND_MODEL})")


def are_whole(db: sqlite3.Connection) -> bool:
    """Whether the definitions of the tables and the model's name are what was noted."""
    query = f"SELECT value IS CAST({TABLES_AND_MODEL} AS TEXT) FROM meta WHERE key = 'checksum'"
    return bool((db.execute(query).fetchone() or [False])[0])


def crc32(*values: bytes | str | float | None) -> int:
    """One checksum of all these values; a function of every connection, too."""
    checksum = 0
    for value in values:
        checksum = zlib.crc32(value if isinstance(value, bytes) else f"{value}\n".encode(), checksum)
    return checksum


def _execute_all(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        db.execute(statement)
