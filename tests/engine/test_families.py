"""Every family, as its real pipeline class with the real architecture at small width, from disk through the library."""

import numpy as np
import pytest

from desktop.engine.families import FAMILIES
from desktop.errors import KnownError
from desktop.messages import Cancelled, GenerationRequest, Preview
from tests.engine.conftest import Bench
from tests.models import copy_model
from tests.tiny import BUILDERS
from tests.tiny.transformers import write_pixart

FAMILY_OF = {
    "sd2": "stable-diffusion",
    "sd_inpainting": "stable-diffusion",
    "sdxl": "stable-diffusion-xl",
    "sdxl_refiner": "stable-diffusion-xl",
    "sdxl_turbo": "stable-diffusion-xl",
    "sd3": "stable-diffusion-3",
    "karlo": "karlo",
    "stable_unclip": "stable-unclip",
    "kandinsky": "kandinsky-2.2",
    "deepfloyd_if": "deepfloyd-if",
    "flux": "flux",
    "flux_fill": "flux",
    "chroma": "chroma",
    "flux2": "flux-2",
    "z_image": "general",
    "qwen_image": "qwen-image",
    "sana": "general",
    "pixart": "general",
    "lumina2": "general",
}
REFINES_ONLY = {"sdxl_refiner"}
WITH_A_PRIOR = {"karlo", "stable_unclip", "kandinsky"}


@pytest.fixture(scope="session", params=BUILDERS)
def design(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("designs") / request.param
    return BUILDERS[request.param](folder)


@pytest.fixture
def bench(design, tmp_path):
    bench = Bench(design, tmp_path)
    yield bench
    assert bench.engine.close(60)


@pytest.fixture
def info(bench, design):
    return bench.library.resolve(design.name)


def request_for(info, **changes):
    values = {
        "prompt": "a red apple",
        "seed": 7,
        "model": info.name,
        "steps": 3,
        "guidance_scale": 3.0,
        "scheduler": info.scheduler,
        "width": info.width if info.width < 200 else 32,
        "height": info.height if info.height < 200 else 64,
    }
    return GenerationRequest(**(values | changes))


def start_of(bench, request, side=48):
    from PIL import Image

    rows = np.linspace(0, 255, side * side * 3, dtype=np.uint8).reshape(side, side, 3)
    bench.starts["a" * 64] = Image.fromarray(rows)
    return request.replace(start_picture="a" * 64, strength=0.9)


def ready(bench, info, **changes):
    request = request_for(info, **changes)
    return request if "text_to_image" in info.tasks else start_of(bench, request)


def test_it_is_recognised_by_what_is_in_the_folder(design, info):
    assert info.family == FAMILY_OF[design.name]
    assert info.bytes > 100_000
    assert info.scheduler in info.schedulers


def test_it_draws_a_picture_with_a_preview_at_every_step(bench, design, info):
    request = ready(bench, info)
    picture = bench.image(request)
    assert picture.size == (request.width, request.height)
    previews = bench.of(Preview)
    assert [event.step for event in previews] == list(range(1, previews[-1].total + 1))
    pictured = [event for event in previews if event.frame is not None]
    assert len(pictured) >= (2 if design.name in REFINES_ONLY else 3)
    assert len({event.frame.rgb for event in pictured}) > 1, "previews change from step to step"
    prior = [event for event in previews if event.stage == "prior"]
    assert bool(prior) == (design.name in WITH_A_PRIOR)
    assert all(event.frame is None for event in prior)
    assert previews[-1].frame is not None


def test_the_same_seed_draws_the_same_picture_and_another_another(bench, info):
    request = ready(bench, info)
    first = bench.image(request).tobytes()
    assert bench.image(request).tobytes() == first
    assert bench.image(request.replace(seed=8)).tobytes() != first


def test_a_cancel_in_the_middle_stops_it_and_it_draws_again(bench, info):
    request = ready(bench, info)
    whole = bench.image(request).tobytes()
    job = None

    def stop_at_the_second_step(event):
        if isinstance(event, Preview) and event.step == 2 and event.job_id == job:
            bench.engine.cancel(job)

    bench.on_event = stop_at_the_second_step
    with bench.engine._lock:
        job = bench.engine.submit(request)
    assert isinstance(bench.wait(job), Cancelled)
    bench.on_event = lambda event: None
    assert bench.image(request).tobytes() == whole


def test_image_to_image_keeps_something_of_the_start_picture(bench, info):
    if "image_to_image" not in info.tasks:
        pytest.skip("it has no such pipeline")
    request = start_of(bench, request_for(info, steps=8))
    weak, strong = (bench.image(request.replace(strength=strength)) for strength in (0.25, 1.0))
    assert weak.size == (request.width, request.height)
    assert weak.tobytes() != strong.tobytes()


def test_inpainting_draws_where_the_mask_is_white(bench, info):
    from PIL import Image

    if "inpaint" not in info.tasks:
        pytest.skip("it has no such pipeline")
    request = start_of(bench, request_for(info, steps=4))
    mask = Image.new("RGB", (48, 48))
    mask.paste((255, 255, 255), (0, 0, 24, 48))
    bench.starts["b" * 64] = mask
    picture = bench.image(request.replace(mask="b" * 64))
    assert picture.size == (request.width, request.height)


def test_its_weights_are_checked_and_a_missing_one_is_named(bench, design, tmp_path):
    bench.library.check(design)
    copy = copy_model(design, tmp_path / design.name)
    weights = next(copy.rglob("*.safetensors"))
    weights.unlink()
    for half in ("-prior", "-upscaler"):
        if design.with_name(design.name + half).exists():
            copy_model(design.with_name(design.name + half), tmp_path / (design.name + half))
    with pytest.raises(KnownError, match=f"no weights in .*{weights.parent.name}"):
        bench.library.check(copy)


def test_weights_that_do_not_fit_their_configuration_are_named_before_anything_is_loaded(bench, design, tmp_path):
    from safetensors.torch import load_file, save_file

    copy = copy_model(design, tmp_path / design.name)
    for half in ("-prior", "-upscaler"):
        if design.with_name(design.name + half).exists():
            copy_model(design.with_name(design.name + half), tmp_path / (design.name + half))
    for weights in sorted(copy.glob("*/*.safetensors")):
        if (design.name, weights.parent.name) == ("qwen_image", "text_encoder"):
            continue  # transformers gives its weights other names while it reads them
        whole = weights.read_bytes()
        tensors = load_file(weights)
        name = min(name for name, tensor in tensors.items() if tensor.ndim)
        tensors[name] = tensors[name].unsqueeze(-1)
        save_file(tensors, weights)
        with pytest.raises(KnownError, match=f"{weights.parent.name} does not fit .*x1 numbers and should be of"):
            bench.library.check(copy)
        weights.write_bytes(whole)
    bench.library.check(copy)


def test_every_family_is_met_by_a_design():
    names = {family.name for family in FAMILIES if family.standalone}
    assert names == set(FAMILY_OF.values())


def test_a_preview_fitted_to_the_first_picture_is_nearer_to_the_next_one(bench, design, info):
    request = ready(bench, info, steps=4)
    before, after = (last_preview_psnr(bench, request.replace(seed=seed)) for seed in (1, 2))
    if bench.engine.holder.loaded[0].preview is None:
        pytest.skip("it works on pixels; there is nothing to fit")
    assert after > before + 3


def last_preview_psnr(bench, request):
    """How near the preview of the last step comes to the picture, in dB, both at the preview's size."""
    from PIL import Image

    from desktop.replay import difference

    bench.seen.clear()
    picture = bench.image(request)
    frame = bench.of(Preview)[-1].frame
    shown = Image.frombytes("RGB", (frame.width, frame.height), frame.rgb)
    return difference(shown, picture.resize(shown.size, Image.Resampling.BOX))[1]


def test_parts_that_do_not_fit_together_are_no_bug(tmp_path):
    design = write_pixart(tmp_path / "models" / "pixart", caption_channels=24)
    bench = Bench(design, tmp_path)
    failed = bench.run(request_for(bench.library.resolve("pixart")))
    assert not failed.is_bug and "do not fit together" in failed.message
    assert bench.engine.close(60)
