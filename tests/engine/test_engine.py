"""The engine on a real, small Stable Diffusion."""

import contextlib
import json
import threading

import pytest
from PIL import Image

from desktop.errors import KnownError
from desktop.messages import (
    TERMINAL,
    Advised,
    Cancelled,
    EngineReady,
    Failed,
    Phase,
    PhaseChanged,
    Preview,
    QueueChanged,
    Saved,
    Started,
)
from tests.engine.conftest import request
from tests.models import copy_model


def test_every_step_reaches_the_listener_as_a_picture(bench):
    assert isinstance(bench.run(request(steps=5)), Saved)
    previews = bench.of(Preview)
    assert [p.step for p in previews] == [1, 2, 3, 4, 5]
    for preview in previews:
        assert preview.total == 5
        assert len(preview.frame.rgb) == preview.frame.width * preview.frame.height * 3
    assert previews[0].seconds_left is None
    assert previews[-1].seconds_left == 0


def test_a_job_says_what_it_is_doing_in_order(bench):
    bench.run(request())
    phases = [event.phase for event in bench.of(PhaseChanged) if event.job_id]
    in_order = list(dict.fromkeys(phases))
    assert in_order == [Phase.LOADING, Phase.ENCODING, Phase.DENOISING, Phase.DECODING, Phase.SAVING]
    assert len(bench.of(Started)) == 1


def test_the_same_request_gives_the_same_pixels(bench):
    first = bench.image(request())
    bench.image(request(seed=8))
    assert bench.image(request()).tobytes() == first.tobytes()


@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"prompt": "a boat"}, {"negative_prompt": "red"}, {"guidance_scale": 9.0}, {"steps": 5}],
    ids=lambda change: next(iter(change)),
)
def test_everything_in_the_request_counts(bench, change):
    assert bench.image(request(**change)).tobytes() != bench.image(request()).tobytes()


@pytest.mark.parametrize(
    "scheduler",
    ["ddim", "ddpm", "euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_karras", "dpmpp_sde", "unipc", "lms"],
)
def test_every_scheduler_draws_and_repeats_itself(bench, scheduler):
    asked = request(scheduler=scheduler)
    first = bench.image(asked)
    assert first.size == (32, 32)
    assert bench.image(asked).tobytes() == first.tobytes()
    assert len(bench.of(Preview)) >= 8  # two runs of four steps; second-order solvers take more


def test_a_start_picture_decides_where_the_run_starts(bench):
    bench.starts["a" * 64] = Image.linear_gradient("L").convert("RGB")
    weak = request(start_picture="a" * 64, strength=0.25)
    strong = request(start_picture="a" * 64, strength=1.0)
    assert bench.image(weak).tobytes() != bench.image(strong).tobytes()
    assert [p.total for p in bench.of(Preview)] == [1, 4, 4, 4, 4]


def test_another_size_than_the_models_own_is_drawn(bench):
    assert bench.image(request(width=48, height=32)).size == (48, 32)


def test_a_model_stays_loaded_between_jobs(bench):
    bench.run(request())
    loads = len([e for e in bench.of(PhaseChanged) if e.phase is Phase.LOADING])
    bench.run(request(scheduler="euler"))
    assert len([e for e in bench.of(PhaseChanged) if e.phase is Phase.LOADING]) == loads


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "nowhere"}, "no model called nowhere"),
        ({"width": 33}, "multiples of 2"),
        ({"scheduler": "flow_euler"}, "does not work with the scheduler"),
        ({"start_picture": "b" * 64, "strength": 0.1}, "leaves no step"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_work_fails_in_one_sentence_and_the_next_job_runs(bench, change, words):
    failed = bench.run(request(**change))
    assert isinstance(failed, Failed)
    assert not failed.is_bug
    assert words in failed.message
    assert failed.hint
    assert "\n" not in failed.message
    assert isinstance(bench.run(request()), Saved)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_cut_off_weights_fail_in_one_sentence_and_the_next_job_runs(bench, tiny, tmp_path, part):
    broken = copy_model(tiny, tmp_path / "broken")
    weights = next((broken / part).glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    failed = bench.run(request(model=str(broken)))
    assert isinstance(failed, Failed)
    assert not failed.is_bug
    assert str(broken) in failed.message
    assert isinstance(bench.run(request()), Saved)


def test_pickled_weights_are_refused(bench, tiny, tmp_path):
    pickled = copy_model(tiny, tmp_path / "pickled")
    weights = pickled / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    failed = bench.run(request(model=str(pickled)))
    assert isinstance(failed, Failed)
    assert not failed.is_bug


def test_a_disk_that_refuses_fails_that_job_only(bench):
    def refuse():
        bench.before_save = lambda: None
        raise KnownError("The disk is full", "Free some space.")

    bench.before_save = refuse
    failed = bench.run(request())
    assert (failed.message, failed.hint) == ("The disk is full", "Free some space.")
    assert isinstance(bench.run(request()), Saved)


def test_the_queue_says_which_jobs_save_a_picture(bench):
    bench.engine.submit(request())
    bench.engine.submit(request(), save=lambda *what, **more: None)  # such as one that only compares
    assert [[job.saved for job in bench.events.get().jobs] for _ in range(2)] == [[True], [True, False]]


def test_an_error_nobody_foresaw_is_a_bug_and_the_next_job_runs(bench):
    def stumble():
        bench.before_save = lambda: None
        raise ZeroDivisionError("by accident")

    bench.before_save = stumble
    failed = bench.run(request())
    assert failed.is_bug
    assert "ZeroDivisionError" in failed.details
    assert isinstance(bench.run(request()), Saved)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_no_memory_says_what_to_do(bench, error):
    def no_memory():
        raise error

    bench.before_save = no_memory
    failed = bench.run(request())
    bench.before_save = lambda: None
    assert not failed.is_bug
    assert "memory" in failed.message
    assert "smaller" in failed.hint
    assert isinstance(bench.run(request()), Saved)


def test_every_job_ends_exactly_once_whatever_is_done_to_it(bench):
    jobs = [bench.engine.submit(request(seed=n)) for n in range(8)]
    bench.engine.cancel(jobs[3])
    bench.engine.cancel(jobs[3])
    bench.engine.move(jobs[7], 0)
    bench.engine.move("nobody", 0)
    bench.engine.cancel("nobody")
    bench.start()
    bench.wait(jobs[6])
    ends = [e.job_id for e in bench.of(TERMINAL)]
    assert sorted(ends) == sorted(jobs)
    saved = [e.record.request.seed for e in bench.of(Saved)]
    assert saved == [7, 0, 1, 2, 4, 5, 6]
    last = bench.events.get(timeout=10)
    assert last == QueueChanged(jobs=())


def test_a_cancel_before_the_start_is_not_lost(bench):
    job = bench.engine.submit(request())
    other = bench.engine.submit(request(seed=9))
    bench.engine.cancel(job)
    bench.start()
    bench.wait(other)
    assert [e.job_id for e in bench.of(Cancelled)] == [job]
    assert len(bench.of(Saved)) == 1
    assert len(bench.of(Started)) == 1


def test_closing_in_the_middle_ends_the_thread(bench):
    running = threading.Event()
    bench.on_event = lambda event: running.set() if isinstance(event, Preview) else None
    bench.start()
    bench.engine.submit(request(steps=500))
    assert running.wait(60)
    assert bench.engine.close(60)
    with pytest.raises(KnownError):
        bench.engine.submit(request())


def test_a_model_is_loaded_ahead_when_there_is_nothing_to_do(bench):
    loaded = threading.Event()

    def listen(event):
        if isinstance(event, PhaseChanged) and event.phase is Phase.LOADING and event.done_bytes == event.total_bytes:
            loaded.set()

    bench.on_event = listen
    bench.engine.warm_up("tiny")
    bench.start()
    assert loaded.wait(60)
    bench.on_event = lambda event: None
    bench.run(request())
    assert [e for e in bench.of(PhaseChanged) if e.phase is Phase.LOADING and e.job_id] == []


def test_a_model_that_cannot_be_loaded_ahead_is_told_when_it_is_asked_for(bench):
    bench.engine.warm_up("nowhere")
    bench.start()
    assert isinstance(bench.run(request()), Saved)


def _with_config(tiny, folder, part, **changes):
    path = copy_model(tiny, folder) / part
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return str(folder)


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("vae/config.json", {"scaling_factor": None}),
        ("scheduler/scheduler_config.json", {"beta_schedule": "magic"}),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": "many"}),
        ("scheduler/scheduler_config.json", {"timestep_spacing": "magic"}),
    ],
    ids=str,
)
def test_a_nonsensical_configuration_is_no_bug_and_ends_nothing_but_its_job(bench, tiny, tmp_path, part, changes):
    broken = _with_config(tiny, tmp_path / "broken", part, **changes)
    bench.engine.warm_up(broken)
    failed = bench.run(request(model=broken))
    assert isinstance(failed, Failed)
    assert not failed.is_bug
    assert isinstance(bench.run(request()), Saved)


def test_an_error_nobody_foresaw_while_loading_ahead_leaves_the_engine_alive(bench, monkeypatch):
    resolve, calls = bench.library.resolve, []

    def stumble_once(name):
        calls.append(name)
        if len(calls) == 1:
            raise ZeroDivisionError("by accident")
        return resolve(name)

    monkeypatch.setattr(bench.library, "resolve", stumble_once)
    bench.engine.warm_up("tiny")
    bench.start()
    while not isinstance(bench.events.get(timeout=60), EngineReady):
        pass
    while not isinstance(bench.events.get(timeout=60), EngineReady):
        pass
    assert isinstance(bench.run(request()), Saved)


def _stumble(*_):
    import torch

    torch.nn.Linear(2, 3)(torch.ones(1, 4))


class _Stumbling:
    def covers(self, index):
        return True

    def watching(self, model, request):
        return contextlib.nullcontext()

    on_state = staticmethod(_stumble)


@pytest.mark.parametrize("where", ["before the pipeline", "inside the pipeline"])
def test_shapes_that_this_programs_own_code_does_not_get_right_are_a_bug_and_not_the_models_fault(bench, where):
    bench.start()
    own = {"watch": _Stumbling()} if where == "inside the pipeline" else {"open_start": _stumble}
    asked = request() if "watch" in own else request(start_picture="a" * 64, strength=1.0)
    failed = bench.wait(bench.engine.submit(asked, **own))
    assert "cannot be multiplied" in failed.message
    assert failed.is_bug
    assert isinstance(bench.run(request()), Saved)


def test_weights_replaced_under_the_same_name_are_read_again(bench, tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = copy_model(tiny, tmp_path / "mine")
    asked = request(model=str(folder))
    before = bench.image(asked)
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = {name: tensor * 0.5 for name, tensor in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    assert bench.image(asked).tobytes() != before.tobytes()


def test_spacings_of_the_models_own_configuration_do_not_collide_with_the_requests(bench, tiny, tmp_path):
    part = "scheduler/scheduler_config.json"
    folder = _with_config(tiny, tmp_path / "spaced", part, use_exponential_sigmas=True, use_beta_sigmas=False)
    assert isinstance(bench.run(request(model=folder, scheduler="dpmpp_2m_karras")), Saved)


@pytest.mark.parametrize("names", [{"a": "weights.bin"}, {"a": "../../outside.safetensors"}, "nonsense", {"a": 3}])
def test_an_index_that_points_to_other_files_is_refused(bench, tiny, tmp_path, names):
    hostile = copy_model(tiny, tmp_path / "hostile")
    for part in ("unet/diffusion_pytorch_model", "text_encoder/model"):
        path = hostile / f"{part}.safetensors.index.json"
        path.write_text(json.dumps({"metadata": {}, "weight_map": names}))
    failed = bench.run(request(model=str(hostile)))
    assert isinstance(failed, Failed)
    assert not failed.is_bug
    assert "index" in failed.message


def test_the_end_of_a_prompt_that_no_encoder_reads_is_told(bench):
    bench.run(request(prompt="a red apple"))
    assert bench.of(Advised) == []
    room = bench.library.resolve("tiny").max_tokens
    bench.run(request(prompt="apple " * room + "and a boat"))
    (told,) = bench.of(Advised)
    assert "“and a boat” is left out" in told.message
    bench.seen.clear()
    bench.run(request(prompt="apple " * (3 * room)))
    assert "“…" in bench.of(Advised)[0].message
