import threading

import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.training.both import both, half_the_cores  # noqa: E402


def test_both_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def come() -> str:
        meeting.wait()
        return threading.current_thread().name

    one, other = both(come, come)
    assert one != other


def test_what_one_of_them_raises_is_raised_when_both_have_ended() -> None:
    ended = []

    def fail() -> None:
        raise ValueError("no")

    for halves in ((fail, lambda: ended.append(1)), (lambda: ended.append(2), fail)):
        with pytest.raises(ValueError, match="no"):
            both(*halves)
    assert ended == [1, 2]


def test_each_has_half_of_the_cores() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(6)
        with half_the_cores():
            assert both(torch.get_num_threads, torch.get_num_threads) == (3, 3)
        assert torch.get_num_threads() == 6
        torch.set_num_threads(1)
        with half_the_cores():
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
