"""Functions give in confined processes what they give here; what goes wrong in one is one line that names the file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.sandbox import landlock, process, seccomp
from earmark.sandbox.limits import Limits
from earmark.sandbox.sandbox import Sandbox
from tests.sandbox import readers
from tests.sandbox.conftest import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limits")


def test_one_value_and_many(sandbox: Sandbox, file: Path) -> None:
    assert sandbox.call(readers.count_bytes, file) == 4
    assert list(sandbox.stream(readers.read_names, [file, file], "!")) == ["four!", "four!"]
    found = list(sandbox.stream(readers.make_arrays, file, 3))
    assert [number for _, number in found] == [b"\0", b"\1", b"\2"]
    np.testing.assert_array_equal(found[2][0], np.full((300, 200), 2, np.float32))


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (readers.refuse, "is bad; make it good"),
        (readers.raise_key_error, r"cannot be read \(KeyError: 3\); "),
        (readers.take_memory, "takes too much memory; "),
        (readers.crash, "crashes what reads it"),
        (readers.leave, "crashes what reads it"),
        (readers.lie, "crashes what reads it"),
        (readers.say_too_much, "crashes what reads it"),
    ],
)
def test_what_goes_wrong_is_one_line_and_the_next_call_is_answered(
    reader: object, message: str, sandbox: Sandbox, file: Path
) -> None:
    with pytest.raises(BadInput, match=f"input.txt: {message}") as raised:
        sandbox.call(reader, file)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert sandbox.call(readers.count_bytes, file) == 4


@pytest.mark.parametrize("reader", [readers.refuse, readers.crash, readers.leave, readers.wait])
def test_where_forks_are_unsafe_the_process_reads_itself(
    reader: object, sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_CODE", "from earmark.sandbox import child; child.FORKS = False; child.main()")
    assert [number for _, number in sandbox.stream(readers.make_arrays, file, 2)] == [b"\0", b"\1"]
    with pytest.raises(BadInput, match=r"input\.txt: "):
        sandbox.call(reader, file)  # type: ignore[arg-type]
    folder = Path(sandbox.call(readers.scratch, file))
    sandbox.close()
    assert not folder.exists()


@pytest.mark.parametrize("reader", [readers.spin, readers.wait])
def test_what_never_ends_is_ended(reader: object, sandbox: Sandbox, file: Path) -> None:
    sandbox.call(readers.count_bytes, file)
    with pytest.raises(BadInput, match=r"input.txt: takes (more|longer) than"):
        sandbox.call(reader, file)  # type: ignore[arg-type]
    assert sandbox.call(readers.count_bytes, file) == 4


def test_what_goes_on_giving_may_take_its_time(sandbox: Sandbox, file: Path) -> None:
    assert list(sandbox.stream(readers.yield_and_spin, file)) == [0, 1, 2, 3, 4, 5]


def test_a_stream_that_is_not_taken_to_its_end_is_ended(sandbox: Sandbox, file: Path) -> None:
    stream = sandbox.stream(readers.make_arrays, file, 1000)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert sandbox.call(readers.count_bytes, file) == 4


def test_the_message_names_the_file_as_it_was_given(
    sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(BadInput, match=r"^input\.txt: is bad"):
        sandbox.call(readers.refuse, "input.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_opened(sandbox: Sandbox, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="is no file"):
        sandbox.call(readers.count_bytes, tmp_path / "pipe")


def test_threads_have_a_process_each(sandbox: Sandbox, file: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda _: sandbox.call(readers.count_bytes, file), range(9))) == [4] * 9


def test_nothing_is_left_of_a_call(sandbox: Sandbox, file: Path) -> None:
    folder = Path(sandbox.call(readers.scratch, file))
    assert not folder.exists()
    sandbox.close()
    assert not folder.parent.exists()


@linux
def test_a_reader_may_read_its_input_and_nothing_else(sandbox: Sandbox, file: Path, tmp_path: Path) -> None:
    if not (landlock.version() and seccomp.is_offered()):
        pytest.skip("this kernel has no Landlock or no seccomp filters")
    beside = tmp_path / "beside.txt"
    beside.write_text("secret")
    others = [beside, Path("/etc/passwd"), Path.home() / ".profile", Path("/proc/1/environ")]
    assert sandbox.call(readers.trespass, file, others) == []


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from earmark.sandbox.sandbox import Sandbox
from tests.sandbox import readers
for pids in Sandbox().stream(readers.tell_pids, sys.argv[2], may_start=True):
    print(*pids, flush=True)
"""


@linux
def test_a_kill_of_who_asks_ends_the_reader_and_what_it_started_and_its_scratch_folder_goes(
    file: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    asking = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(ROOT), str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert asking.stdout is not None
    pids = [int(pid) for pid in asking.stdout.readline().split()]
    assert len(pids) == 2
    assert list(temporary.iterdir())
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    asking.stdout.close()
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s and (any(map(is_running, pids)) or list(temporary.iterdir())):
        time.sleep(0.05)
    assert not any(map(is_running, pids))
    assert list(temporary.iterdir()) == []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@linux
def test_scratch_folders_of_processes_that_are_gone_go_at_the_next_start(
    sandbox: Sandbox, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from earmark.sandbox.process import LOCK, PREFIX, sweep

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"{PREFIX}gone").mkdir()
    (tmp_path / f"{PREFIX}gone" / LOCK).touch()
    (tmp_path / f"{PREFIX}others").mkdir()
    sandbox.call(readers.count_bytes, file)
    sweep()
    left = {path.name for path in tmp_path.glob(f"{PREFIX}*")}
    assert f"{PREFIX}gone" not in left
    assert f"{PREFIX}others" in left
    assert len(left) == 2  # the sandbox's own, which is in use


def test_patience_grows_with_the_file(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(10))
    large.write_bytes(bytes(100_000))
    limits = Limits()
    assert limits.quiet_for([small]) == pytest.approx(7.0, abs=0.01)
    assert limits.quiet_for([small, large]) == 27.0
    assert limits.total_for([large, large]) == 900.0 + 12.0
    assert limits.quiet_for([tmp_path / "gone"]) == 7.0
