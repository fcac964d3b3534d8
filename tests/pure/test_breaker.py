"""When an origin is left alone: single cases by hand, and everything else against a slow model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fasthttp._pure import breaker as module
from fasthttp._pure.breaker import CLOSED, HALF_OPEN, OPEN, BreakerState, Permit

A, B = "http://a.test", "http://b.test"


def enter(state: BreakerState, now: float, origin: str = A) -> Permit:
    permit = state.enter(origin, now)
    assert isinstance(permit, Permit)
    return permit


def fail(state: BreakerState, now: float, times: int = 1, origin: str = A) -> None:
    for _ in range(times):
        state.leave(enter(state, now, origin), False, now)


def test_failures_in_a_row_open_the_circuit_of_one_origin() -> None:
    """So many and not one less; what is left of the period is told, and other origins go on."""
    state = BreakerState(3, 60.0, 1, 1)
    fail(state, 10.0, 2)
    assert state.state(A, 10.0) == CLOSED
    fail(state, 11.0)
    assert state.state(A, 11.0) == OPEN
    assert state.enter(A, 11.0) == 60.0
    assert state.enter(A, 70.5) == 0.5
    assert state.state(B, 11.0) == CLOSED
    enter(state, 11.0, B)


def test_a_success_starts_the_count_again() -> None:
    """And an outcome that says nothing leaves it where it is."""
    state = BreakerState(2, 60.0, 1, 1)
    fail(state, 0.0)
    state.leave(enter(state, 0.0), True, 0.0)
    fail(state, 0.0)
    state.leave(enter(state, 0.0), None, 0.0)
    assert state.state(A, 0.0) == CLOSED
    fail(state, 0.0)
    assert state.state(A, 0.0) == OPEN


def test_probes_are_few_and_the_rest_still_fails() -> None:
    """A good one closes the circuit for all."""
    state = BreakerState(1, 60.0, 2, 1)
    fail(state, 0.0)
    assert state.state(A, 60.0) == HALF_OPEN
    first = enter(state, 60.0)
    enter(state, 60.0)
    assert state.enter(A, 60.0) == 0.0
    state.leave(first, True, 61.0)
    assert state.state(A, 61.0) == CLOSED
    for _ in range(5):
        enter(state, 61.0)


def test_a_failed_probe_opens_it_for_a_full_period() -> None:
    """What the other probes of that time say no longer counts."""
    state = BreakerState(3, 60.0, 2, 1)
    fail(state, 0.0, 3)
    first, second = enter(state, 60.0), enter(state, 60.0)
    state.leave(first, False, 65.0)
    assert state.enter(A, 66.0) == 59.0
    state.leave(second, True, 66.0)
    assert state.state(A, 124.0) == OPEN
    third = enter(state, 125.0)
    enter(state, 125.0)
    assert state.enter(A, 125.0) == 0.0
    state.leave(third, True, 126.0)
    assert state.state(A, 126.0) == CLOSED


def test_a_cancelled_probe_frees_its_place() -> None:
    """Any number of times."""
    state = BreakerState(1, 60.0, 1, 1)
    fail(state, 0.0)
    for _ in range(10):
        state.leave(enter(state, 60.0), None, 60.0)
    assert state.state(A, 60.0) == HALF_OPEN


def test_it_may_take_several_good_probes() -> None:
    """One after the other or at once; a failed one starts again."""
    state = BreakerState(1, 60.0, 1, 2)
    fail(state, 0.0)
    state.leave(enter(state, 60.0), True, 60.0)
    assert state.state(A, 60.0) == HALF_OPEN
    state.leave(enter(state, 60.0), False, 60.0)
    for at in (120.0, 121.0):
        assert state.state(A, at) == HALF_OPEN
        state.leave(enter(state, at), True, at)
    assert state.state(A, 121.0) == CLOSED


def test_late_outcomes_of_before_change_nothing() -> None:
    """A request that was on its way when the circuit opened is no probe, and frees no place of one."""
    state = BreakerState(1, 60.0, 1, 1)
    late = [enter(state, 0.0) for _ in range(3)]
    fail(state, 0.0)
    enter(state, 60.0)
    for permit, outcome in zip(late, (True, False, None), strict=True):
        state.leave(permit, outcome, 60.0)
    assert state.enter(A, 60.0) == 0.0


def test_reset_forgets_one_origin_or_all() -> None:
    """And those that it never knew; what was under way before counts no more."""
    state = BreakerState(1, 60.0, 1, 1)
    fail(state, 0.0)
    fail(state, 0.0, origin=B)
    probe = enter(state, 60.0)
    state.reset(A)
    state.reset("http://other.test")
    assert (state.state(A, 0.0), state.state(B, 0.0)) == (CLOSED, OPEN)
    state.leave(probe, False, 60.0)
    assert state.state(A, 60.0) == CLOSED
    state.reset()
    assert state.state(B, 0.0) == CLOSED


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Origins that never failed cost nothing; of the others the oldest is forgotten."""
    monkeypatch.setattr(module, "_MAX_CIRCUITS", 2)
    state = BreakerState(1, 60.0, 1, 1)
    for number in range(9):
        state.leave(enter(state, 0.0, f"http://good{number}"), True, 0.0)
        state.leave(enter(state, 0.0, f"http://gone{number}"), None, 0.0)
    assert not state._circuits
    for number in range(9):
        fail(state, 0.0, origin=f"http://bad{number}")
    assert [state.state(f"http://bad{number}", 1.0) for number in range(9)] == [CLOSED] * 7 + [OPEN] * 2


class Model(RuleBasedStateMachine):
    """One circuit told in plain words: what happened since it last changed, and who is on the way since then."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.threshold, self.recovery, self.places, self.needed = 2, 10.0, 2, 2
        self.state = BreakerState(self.threshold, self.recovery, self.places, self.needed)
        self.is_open = False
        self.since = 0.0
        self.failures = 0
        self.good = 0
        self.current: list[Any] = []  # permits whose outcomes count
        self.late: list[Any] = []  # permits from before the last change

    def change(self, is_open: bool) -> None:
        self.is_open, self.since, self.failures, self.good = is_open, self.now, 0, 0
        self.late += self.current
        self.current = []

    @rule(seconds=st.sampled_from([0.0, 1.0, 4.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        got = self.state.enter(A, self.now)
        left = self.since + self.recovery - self.now
        if not self.is_open:
            assert isinstance(got, Permit)
        elif left > 0:
            assert got == left
        elif len(self.current) >= self.places:
            assert got == 0.0
        else:
            assert isinstance(got, Permit)
        if isinstance(got, Permit):
            self.current.append(got)

    @rule(outcome=st.sampled_from([True, False, None]), data=st.data())
    def answer(self, outcome: bool | None, data: Any) -> None:
        if not self.current:
            return
        permit = self.current.pop(data.draw(st.integers(0, len(self.current) - 1)))
        self.state.leave(permit, outcome, self.now)
        if outcome is None:
            return
        if outcome and not self.is_open:
            self.failures = 0
        elif outcome:
            self.good += 1
            if self.good == self.needed:
                self.change(False)
        else:
            self.failures += 1
            if self.is_open or self.failures == self.threshold:
                self.change(True)

    @rule(outcome=st.sampled_from([True, False, None]))
    def answer_late(self, outcome: bool | None) -> None:
        if self.late:
            self.state.leave(self.late.pop(), outcome, self.now)

    @invariant()
    def agrees(self) -> None:
        expected = CLOSED if not self.is_open else OPEN if self.now < self.since + self.recovery else HALF_OPEN
        assert self.state.state(A, self.now) == expected


Model.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBreakerModel = Model.TestCase
