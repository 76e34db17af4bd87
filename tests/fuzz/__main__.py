"""``python -m tests.fuzz [--minutes M] [--inputs N] [--first SEED] [--only NAME]``: fuzzing for as long as one likes.

What is found is kept in ``fuzz-found``: every input that shows a fault of ours, with what was said of it, and the
inputs at which readers crashed or never ended. Exits with 1 if there was a fault.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.conftest import Music
from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import SEEDS, write_seeds
from tests.fuzz.trial import Trials

FOUND = Path("fuzz-found")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--inputs", type=int, default=sys.maxsize)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--only", choices=tuple(SEEDS))
    given = parser.parse_args()
    end_s = time.monotonic() + 60 * given.minutes
    names = [given.only] if given.only else list(SEEDS)
    tried: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder, music = Path(name), Music()
        (folder / "seeds").mkdir()
        (folder / "inputs").mkdir()
        seeds = write_seeds(folder / "seeds")
        trials = Trials(folder, music.write_pdf(folder / "good.pdf", music.melody(5, 24)))
        for seed, kind in ((seed, kind) for seed in itertools.count(given.first) for kind in names):
            if time.monotonic() > end_s or tried.total() >= given.inputs:
                break
            path = folder / "inputs" / kind
            path.write_bytes(mutated(kind, seeds, seed))
            trial = trials.of(path)
            tried[kind] += 1
            ended[kind] += bool(trial.ended)
            faults[kind] += bool(trial.faults)
            if trial.faults or trial.ended:
                _keep(path, seed, trial.faults, trial.ended)
        trials.close()
    for kind in names:
        print(f"{kind}: {tried[kind]} tried, {ended[kind]} ended by a crash or a limit, {faults[kind]} faults")
    print(f"all: {tried.total()} tried, {ended.total()} ended by a crash or a limit, {faults.total()} faults")
    return int(faults.total() > 0)


def _keep(path: Path, seed: int, faults: list[str], ended: list[str]) -> None:
    kept = FOUND / ("faults" if faults else "ended") / f"{seed}-{path.name}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(path.read_bytes())
    kept.with_name(f"{kept.name}.txt").write_text("\n".join([*faults, *ended]))
    print(f"{kept}: {(faults or ended)[0].strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
