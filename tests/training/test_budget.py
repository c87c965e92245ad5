import pytest

from desktop.training import budget
from desktop.training.budget import Budget


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets by hand."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(budget.time, "monotonic", lambda: Clock.now)
    return Clock


def test_time_spent_before_counts_and_a_pause_does_not(clock):
    spent = Budget(minutes=2, seconds=30)
    spent.start()
    clock.now += 6
    spent.tick()
    clock.now += 3600
    spent.tick()
    assert spent.seconds == 36 + budget.PAUSE_SECONDS and spent.done == 2
    assert spent.progress == pytest.approx(spent.seconds / 120) and not spent.over


def test_steps_win_over_minutes(clock):
    counted = Budget(minutes=1, steps=2)
    counted.start()
    clock.now += 500
    counted.tick()
    assert counted.progress == 0.5
    counted.tick()
    assert counted.over


def test_nothing_to_spend_is_over_at_once():
    assert Budget().over
