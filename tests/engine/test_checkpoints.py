"""The running chain's state on disk: a run goes on from it to the same bytes."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.engine import checkpoints
from desktop.engine.checkpoints import Checkpoints
from desktop.messages import Cancelled, Preview, QueueChanged, Saved, Started
from desktop.scheduler_change import DISCRETE_SCHEDULERS
from tests.engine.conftest import Bench, request

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@pytest.fixture
def keeping(tiny, tmp_path, monkeypatch):
    """An engine that writes the state at every step."""
    monkeypatch.setattr(checkpoints, "EVERY_SECONDS", 0.0)
    bench = Bench(tiny, tmp_path, unfinished=tmp_path / "unfinished")
    bench.engine._checkpoints._every_seconds = 0.0
    yield bench
    assert bench.engine.close(60)


def stop_at(bench, step, how):
    def on_event(event):
        if isinstance(event, Preview) and event.step == step:
            bench.on_event = lambda event: None
            how(event.job_id)

    bench.on_event = on_event


@pytest.mark.parametrize("scheduler", DISCRETE_SCHEDULERS)
def test_a_run_goes_on_from_the_file_to_the_same_bytes(tiny, tmp_path, scheduler):
    wanted = request(scheduler=scheduler, steps=6)
    path = tmp_path / "unfinished"
    first = Bench(tiny, tmp_path, unfinished=path)
    whole = first.image(wanted).tobytes()
    first.engine._checkpoints._every_seconds = 0.0
    stop_at(first, 4, lambda job: first.engine.close(0))
    first.engine.submit(wanted)
    first.engine._thread.join(60)
    assert len(list(path.iterdir())) == 1
    second = Bench(tiny, tmp_path, unfinished=path)
    assert second.image(wanted).tobytes() == whole
    assert second.of(Preview)[0].step > 3
    assert second.engine.close(60)
    assert list(path.iterdir()) == [], "nothing is left to go on from once the picture is saved"


def test_a_pause_keeps_the_place_and_resuming_goes_on(keeping):
    wanted = request(steps=6, scheduler="euler_ancestral")
    whole = keeping.image(wanted).tobytes()
    keeping.seen.clear()
    stop_at(keeping, 3, lambda job: keeping.engine.pause())
    job = keeping.engine.submit(wanted)
    while not any(event.paused and event.jobs and not event.jobs[0].running for event in keeping.of(QueueChanged)):
        keeping.seen.append(keeping.events.get(timeout=60))
    keeping.engine.resume()
    assert isinstance(keeping.wait(job), Saved)
    assert keeping.images[wanted].tobytes() == whole
    steps = [event.step for event in keeping.of(Preview)]
    assert steps in ([1, 2, 3, 4, 5, 6], [1, 2, 3, 3, 4, 5, 6])
    assert len(keeping.of(Started)) == 2


def test_nothing_starts_while_it_is_paused_and_a_paused_job_can_be_removed(keeping):
    keeping.start()
    keeping.engine.pause()
    job = keeping.engine.submit(request())
    keeping.engine.cancel(job)
    assert isinstance(keeping.wait(job), Cancelled)
    keeping.engine.resume()
    assert isinstance(keeping.run(request()), Saved)


def test_a_stop_after_a_pause_wins(keeping):
    keeping.image(request())
    job = None

    def pause_and_stop(job_id):
        keeping.engine.pause()
        keeping.engine.cancel(job_id)

    stop_at(keeping, 2, pause_and_stop)
    job = keeping.engine.submit(request(steps=8))
    assert isinstance(keeping.wait(job), Cancelled)
    keeping.engine.resume()


def test_a_stop_in_the_moment_a_paused_job_is_put_back_is_not_lost(keeping, monkeypatch):
    real = keeping.engine._run

    def run(job):
        event = real(job)
        keeping.engine.cancel(job.job_id)
        return event

    monkeypatch.setattr(keeping.engine, "_run", run)
    stop_at(keeping, 2, lambda job: keeping.engine.pause())
    keeping.start()
    assert isinstance(keeping.wait(keeping.engine.submit(request(steps=8))), Cancelled)


def test_another_request_does_not_go_on_from_the_file(keeping):
    stop_at(keeping, 3, lambda job: keeping.engine.pause())
    keeping.start()
    job = keeping.engine.submit(request(steps=6))
    while not any(event.paused and event.jobs and not event.jobs[0].running for event in keeping.of(QueueChanged)):
        keeping.seen.append(keeping.events.get(timeout=60))
    keeping.engine.cancel(job)
    keeping.engine.resume()
    keeping.seen.clear()
    keeping.image(request(steps=6, seed=99))
    assert keeping.of(Preview)[0].step == 1


def paused_at(bench, step, wanted):
    """The job's id; it waits, with its place kept."""
    stop_at(bench, step, lambda job: bench.engine.pause())
    job = bench.engine.submit(wanted)
    while not any(event.paused and event.jobs and not event.jobs[0].running for event in bench.of(QueueChanged)):
        bench.seen.append(bench.events.get(timeout=60))
    bench.seen.clear()
    return job


def test_a_paused_run_goes_on_though_another_was_put_before_it(keeping, tmp_path):
    wanted = request(steps=6)
    whole = keeping.image(wanted).tobytes()
    paused = paused_at(keeping, 4, wanted)
    other = keeping.engine.submit(request(steps=6, seed=99))
    keeping.engine.move(other, 0)
    keeping.engine.resume()
    assert isinstance(keeping.wait(other), Saved)
    keeping.seen.clear()
    assert isinstance(keeping.wait(paused), Saved)
    assert keeping.of(Preview)[0].step >= 4
    assert keeping.images[wanted].tobytes() == whole
    keeping.engine._checkpoints.flush()
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_a_paused_run_that_is_taken_out_leaves_no_file(keeping, tmp_path):
    keeping.start()
    job = paused_at(keeping, 3, request(steps=6))
    keeping.engine.cancel(job)
    keeping.engine._checkpoints.flush()
    assert list((tmp_path / "unfinished").iterdir()) == []
    keeping.engine.resume()


def test_states_that_nobody_came_back_to_do_not_pile_up(kept_file, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "KEPT_MAX", 3)
    monkeypatch.setattr(checkpoints, "packed", lambda *job: b"state")
    kept = Checkpoints(tmp_path, every_seconds=0.0)
    for seed in range(6):
        kept.offer(request(seed=seed), "0" * 16, SimpleNamespace(index=1))
        kept.flush()
    assert {kept.path_of(request(seed=seed)) for seed in (3, 4, 5)} == set(tmp_path.iterdir())
    kept.close()


def test_a_state_that_cannot_be_written_costs_no_picture(keeping, monkeypatch):
    def fail(*job):
        raise RuntimeError("the device is gone")

    monkeypatch.setattr(checkpoints, "packed", fail)
    assert keeping.image(request(steps=3))
    assert keeping.image(request(steps=3, seed=8))


@pytest.fixture(scope="module")
def kept_file(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    bench = Bench(tiny, folder, unfinished=folder / "unfinished")
    bench.engine._checkpoints._every_seconds = 0.0
    stop_at(bench, 3, lambda job: bench.engine.close(0))
    bench.start()
    bench.engine.submit(request(steps=6))
    bench.engine._thread.join(60)
    bench.engine._checkpoints.close()
    return next((folder / "unfinished").iterdir()).read_bytes()


@same_folder
@given(data=st.data())
def test_no_damage_to_the_file_does_more_than_start_from_noise(kept_file, tmp_path, data):
    content = bytearray(kept_file)
    spots = st.tuples(st.integers(0, min(4000, len(content) - 1)), st.integers(0, 255))
    for place, value in data.draw(st.lists(spots, max_size=6)):
        content[place] = value
    kept = Checkpoints(tmp_path)
    kept.path_of(request(steps=6)).write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    found = kept.find(request(steps=6), "0" * 16)
    assert found is None
