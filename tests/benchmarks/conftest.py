"""Benchmarks make their own music: they need what corpora are built with."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("scipy") and find_spec("yaml") else ["*"]
