"""Calls cover the steps once, end where they must, and are cut alike wherever a run starts."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from outofcore.training.schedule import Stretch, stretches

SIZES = st.integers(1, 60)
STOPS = st.lists(st.none() | st.integers(1, 50), max_size=3).map(tuple)
RUNS = st.tuples(st.integers(0, 200), st.integers(0, 250), SIZES, SIZES, STOPS)


def due(step: int, end: int, steps_per_pass: int, steps_per_call: int, stops: tuple[int | None, ...]) -> bool:
    """Whether a call must end after this step, by the letter of the docstring."""
    within = step % steps_per_pass
    return step == end or within % steps_per_call == 0 or any(every and step % every == 0 for every in stops)


@given(RUNS)
@example((0, 100, 10, 64, (None, None)))
@example((7, 7, 10, 3, ()))
def test_each_step_is_done_once_in_its_place(run: Any) -> None:
    start, end, steps_per_pass, steps_per_call, _ = run
    cut = list(stretches(*run))
    batches = [(each.pass_, batch) for each in cut for batch in range(each.start, each.stop)]
    assert batches == [divmod(step, steps_per_pass) for step in range(start, end)]
    for each in cut:
        assert each.end_step == each.pass_ * steps_per_pass + each.stop
        assert 0 <= each.start < each.stop <= steps_per_pass  # never beyond a pass
        assert each.stop - each.start <= steps_per_call


@given(RUNS)
def test_calls_end_where_one_is_due_and_nowhere_else(run: Any) -> None:
    start, end, *rest = run
    ends = [each.end_step for each in stretches(*run)]
    assert ends == [step for step in range(start + 1, end + 1) if due(step, end, *rest)]


@given(RUNS, st.data())
def test_a_run_is_cut_alike_from_wherever_it_starts_again(run: Any, data: st.DataObject) -> None:
    start, end, *rest = run
    whole = list(stretches(*run))
    again = data.draw(st.integers(start, max(start, end)))
    rerun = list(stretches(again, end, *rest))
    later = [each for each in whole if each.end_step > again]
    assert [each.end_step for each in rerun] == [each.end_step for each in later]
    if again in {start, *(each.end_step for each in whole)}:  # where checkpoints lie
        assert rerun == later


def test_a_restart_that_counted_from_itself_would_be_seen() -> None:
    whole = [each.end_step for each in stretches(0, 20, 20, 8)]
    moved = [5 + each.end_step for each in stretches(0, 15, 20, 8)]
    assert whole == [8, 16, 20]
    assert [step for step in whole if step > 5] != moved


def test_an_example_in_full() -> None:
    assert list(stretches(3, 12, 5, 4, [None, 6])) == [
        Stretch(0, 3, 4, 4),
        Stretch(0, 4, 5, 5),
        Stretch(1, 0, 1, 6),
        Stretch(1, 1, 4, 9),
        Stretch(1, 4, 5, 10),
        Stretch(2, 0, 2, 12),
    ]
