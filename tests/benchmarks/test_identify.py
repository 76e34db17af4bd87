from __future__ import annotations

import sys

import pytest

from benchmarks import identify


def test_every_suite_of_identify_can_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(identify.SUITES) == {"pieces", "real", "scans", "tapes", "instruments", "pages"}
    for name, suite in identify.SUITES.items():
        for option in suite.needs:
            monkeypatch.setattr(sys, "argv", ["identify", "corpus", "--suite", name])
            with pytest.raises(SystemExit):
                identify.main()
            assert f"the suite {name} needs --{suite.needs[0]}" in capsys.readouterr().err, option
