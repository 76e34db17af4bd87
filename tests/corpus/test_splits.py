import json
from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="building a corpus needs the [corpus] extra")

from earmark.corpus.splits import keep_splits
from earmark.errors import BadInput


@pytest.mark.parametrize("text", ["train: [b, a]\ntest: [c]\n", '{"train": ["b", "a"], "test": ["c"]}'])
def test_yaml_and_json_are_kept(tmp_path: Path, text: str) -> None:
    file = tmp_path / "splits"
    file.write_text(text)
    keep_splits(file, tmp_path / "corpus")
    assert json.loads((tmp_path / "corpus" / "splits.json").read_text()) == {"train": ["a", "b"], "test": ["c"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("train: [a]\ntest: [b, a]\n", "a is in train and in test"),
        ("- a\n- b\n", "no mapping of lists"),
        ("train: [a\n", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "splits.yaml"
    file.write_text(text)
    with pytest.raises(BadInput, match=reason):
        keep_splits(file, tmp_path)
    assert not (tmp_path / "splits.json").exists()
