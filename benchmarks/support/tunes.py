"""Random tunes, and each of them in every format that score files have: the same notes in all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MEASURES, BEATS = 16, 4
_STEPS = "CDEFGAB"
_SEMITONES = (0, 2, 4, 5, 7, 9, 11)
_ATTRIBUTES = (
    "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
    "<clef><sign>G</sign><line>2</line></clef></attributes>"
)


@dataclass(frozen=True)
class Tune:
    """``degrees`` int64 [measures, beats]: quarter notes, steps of C major above middle C, 0..13."""

    title: str
    degrees: npt.NDArray[np.int64]

    def musicxml(self, timewise: bool = False) -> str:
        """One part, by measures or by parts; without an XML declaration."""
        measures = [
            (_ATTRIBUTES if not number else "")
            + "".join(
                f"<note><pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>1</duration>"
                "<type>quarter</type></note>"
                for step, octave in map(_step, row)
            )
            for number, row in enumerate(self.degrees)
        ]
        head = (
            f"<work><work-title>{self.title}</work-title></work>"
            '<part-list><score-part id="P1"><part-name>A</part-name></score-part></part-list>'
        )
        inner, outer = ('<part id="P1">{}</part>', "{}") if timewise else ("{}", '<part id="P1">{}</part>')
        music = "".join(
            f'<measure number="{number}">{inner.format(measure)}</measure>'
            for number, measure in enumerate(measures, 1)
        )
        root = "score-timewise" if timewise else "score-partwise"
        return f'<{root} version="4.0">{head}{outer.format(music)}</{root}>'

    def mei(self) -> str:
        """Without an XML declaration."""
        measures = "".join(
            f'<measure n="{number}"><staff n="1"><layer n="1">'
            + "".join(f'<note pname="{step.lower()}" oct="{octave}" dur="4"/>' for step, octave in map(_step, row))
            + "</layer></staff></measure>"
            for number, row in enumerate(self.degrees, 1)
        )
        return (
            '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt>'
            f"<title>{self.title}</title></titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score>"
            '<scoreDef meter.count="4" meter.unit="4"><staffGrp><staffDef n="1" lines="5" clef.shape="G" '
            f'clef.line="2"/></staffGrp></scoreDef><section>{measures}</section></score></mdiv></body></music></mei>'
        )

    def kern(self) -> str:
        """Humdrum; measures are numbered."""
        measures = "".join(
            f"={number}\n" + "".join(f"4{(step.lower()) * (octave - 3)}\n" for step, octave in map(_step, row))
            for number, row in enumerate(self.degrees, 1)
        )
        return f"!!!OTL: {self.title}\n**kern\n*clefG2\n*M4/4\n{measures}==\n*-\n"

    def abc(self, number: int = 1) -> str:
        """Tune ``number`` of a book."""
        bars = " | ".join(
            " ".join(step if octave == 4 else step.lower() for step, octave in map(_step, row)) for row in self.degrees
        )
        return f"X:{number}\nT:{self.title}\nM:4/4\nL:1/4\nK:C\n{bars} |]\n"

    @property
    def pitches(self) -> list[int]:
        """MIDI numbers of all notes in order."""
        return [60 + 12 * (degree // 7) + _SEMITONES[degree % 7] for degree in self.degrees.ravel().tolist()]


def random_tune(rng: np.random.Generator, title: str) -> Tune:
    """A walk of small and some larger steps."""
    steps = rng.choice((-3, -2, -1, -1, 1, 1, 2, 4), size=MEASURES * BEATS)
    return Tune(title, np.abs((rng.integers(14) + np.cumsum(steps)) % 26 - 13).reshape(MEASURES, BEATS))


def _step(degree: int) -> tuple[str, int]:
    """Letter and octave."""
    return _STEPS[degree % 7], 4 + int(degree) // 7
