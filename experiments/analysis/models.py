"""Tables of the models whose results are kept: the weights that ship and the paper's rows, by the paper's protocol."""

from __future__ import annotations

from pathlib import Path

from benchmarks.support.results import table
from earmark.balke2019.published import MRR_BY_TEMPO, REFINED, TEMPI, title
from earmark.balke2019.tables import DIRECTIONS, Results, read_results

OWN = "earmark-2"


def tables(folder: Path) -> dict[str, str]:
    """Of the results in ``folder``: ``tempo-1`` the models at tempo 1, ``protocol`` ours at all tempi, ``wrong`` where
    its wrong answers lie, ``kept`` what share of its MRR at tempo 1 each row of the paper keeps at half and double
    tempo, here and as published."""
    results = read_results(folder)
    return {
        "tempo-1": _at_tempo_1(results),
        "protocol": _protocol(results),
        "wrong": _wrong(results),
        "kept": _kept(results),
    }


def _at_tempo_1(results: Results) -> str:
    rows = []
    for name in (OWN, *(row for row in REFINED if (row, 1.0) in results)):
        found = results[name, 1.0]
        cells = [title(name)]
        for direction in DIRECTIONS:
            low, high = found[direction]["interval_95"]["recall@1"]
            cells += [f"{found[direction]['recall@1']:.2f} ({low:.1f}–{high:.1f})", f"{found[direction]['mrr']:.3f}"]
        rows.append(cells)
    perfect = [results[OWN, 1.0][direction]["ceiling"] for direction in DIRECTIONS]
    rows.append(["what can be told apart", *(f"{one[key]:.{n}f}" for one in perfect for key, n in _CEILING)])
    return table(("model", *(f"{arrow} {name}" for arrow in DIRECTIONS.values() for name in ("R@1", "MRR"))), rows)


_CEILING = (("recall@1", 2), ("mrr", 3))


def _protocol(results: Results) -> str:
    rows = []
    for tempo in sorted(TEMPI, key=lambda tempo: (tempo != 1, tempo)):
        for direction, arrow in DIRECTIONS.items():
            found = results[OWN, tempo][direction]
            interval = found["interval_95"]
            rows.append(
                (
                    f"{tempo:g}",
                    arrow,
                    f"{found['recall@1']:.2f} ({interval['recall@1'][0]:.1f}–{interval['recall@1'][1]:.1f})",
                    *(f"{found[key]:.2f}" for key in ("recall@5", "recall@25")),
                    f"{found['mrr']:.3f} ({interval['mrr'][0]:.3f}–{interval['mrr'][1]:.3f})",
                    f"{found['piece_hit@1']:.2f}",
                )
            )
    return table(("tempo", "direction", "R@1", "R@5", "R@25", "MRR", "right piece first"), rows)


def _wrong(results: Results) -> str:
    errors = results[OWN, 1.0]["audio_to_sheet"]["errors"]
    words = ("at a neighbouring onset", "elsewhere in the piece", "in another piece of the work", "in another work")
    rows = [(said, f"{errors[said_in]:.2f} %") for said, said_in in zip(words, errors, strict=True)]
    return table(("where wrong first answers lie", "of all queries"), rows)


def _kept(results: Results) -> str:
    def share(at: float, of: float) -> str:
        return f"{100 * at / of:.0f}"

    rows = []
    for name in REFINED:
        mrr = {tempo: found["audio_to_sheet"]["mrr"] for (row, tempo), found in results.items() if row == name}
        if not mrr.keys() >= {0.5, 1.0, 2.0}:
            continue
        printed = dict(zip(TEMPI, MRR_BY_TEMPO[name], strict=True))
        cells = (f"{share(mrr[t], mrr[1.0])} ({share(printed[t], printed[1.0])})" for t in (0.5, 2.0))
        rows.append([title(name), *cells])
    return table(("row", "at tempo 0.5", "at tempo 2"), rows)
