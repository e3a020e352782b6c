"""Which batches a training call takes: a pure function of the step, so a restart cuts alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stretch:
    """Batches of one training call.

    Attributes:
        pass_: The pass that they belong to.
        start: First batch within the pass.
        stop: Batch after the last within the pass.
        end_step: Optimizer steps done when the call returns, counted from the run's start.
    """

    pass_: int
    start: int
    stop: int
    end_step: int


def stretches(
    start_step: int, end_step: int, steps_per_pass: int, steps_per_call: int, stops: Sequence[int | None] = ()
) -> Iterator[Stretch]:
    """Cut the steps from `start_step` to `end_step` into calls.

    Calls end at multiples of `steps_per_call` within a pass, at the end of the pass, and where a
    line of metrics or a checkpoint is due; where a run was restarted plays no part.

    Args:
        start_step: Optimizer steps done.
        end_step: Optimizer steps after the last call.
        steps_per_pass: Batches in a pass.
        steps_per_call: Most batches in a call.
        stops: Further numbers of steps at whose multiples a call ends; `None` is skipped.
    """
    step = start_step
    while step < end_step:
        pass_, start = divmod(step, steps_per_pass)
        stop = min((start // steps_per_call + 1) * steps_per_call, steps_per_pass)
        end = min(step + stop - start, end_step, *((step // every + 1) * every for every in stops if every))
        yield Stretch(pass_, start, start + end - step, end)
        step = end
