"""LoRA files on real small pipelines: what they do, and that nothing is left of them."""

import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.engine.adapters import Adapter, Adapters
from desktop.engine.cancel import CancelHooks, CancelToken, JobCancelled
from desktop.errors import KnownError
from tests import original_layout
from tests.adapter_files import ATTENTION, RESNETS, write_kohya, write_peft
from tests.small_models import build, diffusers_pipeline, draw, write_small_config

FAMILIES = {
    "stable-diffusion-1": "stable-diffusion",
    "stable-diffusion-2": "stable-diffusion",
    "stable-diffusion-xl": "stable-diffusion-xl",
    "stable-diffusion-3.5-medium": "stable-diffusion-3",
    "flux-dev": "flux",
}


class Model:
    def __init__(self, name, folder):
        self.config = write_small_config(name, folder / name)
        self.networks = build(self.config)
        self.pipeline = diffusers_pipeline(self.config, self.networks)
        self.adapters = Adapters(self.pipeline, FAMILIES[name])
        self.bare = self.draw()
        self.layers = {name: [n for n, _ in network.named_modules()] for name, network in self.networks.items()}

    def draw(self):
        return draw(self.pipeline, steps=1)

    def with_lora(self, *adapters):
        self.adapters.apply([Adapter(path=path, weight=weight) for path, weight in adapters])
        return self.draw()

    def assert_untouched(self):
        assert torch.equal(self.draw(), self.bare)
        for name, network in self.networks.items():
            assert [n for n, _ in network.named_modules()] == self.layers[name]
            assert not hasattr(network, "peft_config")

    def merged(self, path, weight):
        """The picture with the LoRA worked into the weights themselves, by the definition of a LoRA."""
        from safetensors.torch import load_file

        tensors = load_file(path)
        networks = build(self.config)
        prefixes = {"lora_unet_": "unet", "lora_te_": "text_encoder", "lora_te1_": "text_encoder"}
        prefixes |= {"lora_te2_": "text_encoder_2"}
        for name, down in tensors.items():
            if not name.endswith(".lora_down.weight"):
                continue
            stem = name.removesuffix(".lora_down.weight")
            prefix = next(p for p in prefixes if stem.startswith(p))
            flat = {n.replace(".", "_"): m for n, m in networks[prefixes[prefix]].named_modules()}
            inner = stem.removeprefix(prefix)
            layer = flat.get(inner) or flat[inner.removeprefix("text_model_")]
            up, alpha = tensors[f"{stem}.lora_up.weight"], tensors.get(f"{stem}.alpha", torch.tensor(len(down)))
            change = up.flatten(1).double() @ down.flatten(1).double() * (weight * alpha.item() / len(down))
            layer.weight.data = (layer.weight.double() + change.reshape(layer.weight.shape)).float()
        return draw(diffusers_pipeline(self.config, networks), steps=1)


@pytest.fixture(scope="module")
def made():
    return {}


@pytest.fixture
def models(made, tmp_path_factory):
    """By name; made once, and bare at the start of every test."""

    def get(name):
        if name not in made:
            made[name] = Model(name, tmp_path_factory.mktemp("models"))
        return made[name]

    yield get
    for model in made.values():
        model.adapters.clear()


@pytest.fixture(params=["stable-diffusion-1", "stable-diffusion-xl"])
def model(request, models):
    return models(request.param)


@pytest.mark.parametrize("write", [write_kohya, write_peft])
def test_a_lora_changes_the_picture_and_leaves_no_trace(model, tmp_path, write):
    path = write(tmp_path / "lora.safetensors", model.networks)
    strong, weak = model.with_lora((path, 1.0)), model.with_lora((path, 0.3))
    assert not torch.equal(strong, model.bare)
    assert not torch.equal(strong, weak)
    assert torch.equal(model.with_lora((path, 1.0)), strong)
    model.adapters.clear()
    model.assert_untouched()


@pytest.mark.parametrize("alpha", [None, 6.0])
def test_a_lora_does_what_its_definition_says(model, tmp_path, alpha):
    path = write_kohya(tmp_path / "lora.safetensors", model.networks, alpha=alpha)
    merged = model.merged(path, 0.5)
    assert (model.with_lora((path, 0.5)) - merged).abs().max() < 1e-3
    assert (model.bare - merged).abs().max() > 0.01


def test_every_layout_of_the_same_lora_gives_the_same_picture(model, tmp_path):
    kohya = write_kohya(tmp_path / "kohya.safetensors", model.networks, alpha=None)
    peft = write_peft(tmp_path / "peft.safetensors", model.networks)
    older = write_peft(tmp_path / "older.safetensors", model.networks, older=True)
    assert torch.equal(model.with_lora((kohya, 1.0)), model.with_lora((peft, 1.0)))
    assert torch.equal(model.with_lora((older, 1.0)), model.with_lora((peft, 1.0)))


def test_a_lora_with_the_names_of_xls_own_repository_is_understood(models, tmp_path):
    model = models("stable-diffusion-xl")
    state = {name: name.removesuffix(".weight") for name in model.networks["unet"].state_dict() if "weight" in name}
    original = {ours: name.removesuffix(".weight") for name, ours in original_layout.unet(state, 2).items()}
    unet = {"unet": model.networks["unet"]}
    theirs = write_kohya(tmp_path / "theirs.safetensors", unet, names=f"{ATTENTION}|{RESNETS}", original=original.get)
    ours = write_kohya(tmp_path / "ours.safetensors", unet, names=f"{ATTENTION}|{RESNETS}")
    picture = model.with_lora((theirs, 1.0))
    assert not torch.equal(picture, model.bare)
    assert torch.equal(picture, model.with_lora((ours, 1.0)))
    model.adapters.clear()
    model.assert_untouched()


def test_convolutions_are_changed_too(models, tmp_path):
    model = models("stable-diffusion-1")
    path = write_kohya(tmp_path / "locon.safetensors", model.networks, names=RESNETS, text="never")
    assert (model.with_lora((path, 1.0)) - model.merged(path, 1.0)).abs().max() < 1e-3
    model.adapters.clear()
    model.assert_untouched()


@pytest.mark.parametrize("text", ["q_proj$", "fc1$", "(q_proj|fc2)$"])
def test_a_lora_of_some_layers_of_the_text_encoder_is_applied(models, tmp_path, text):
    """diffusers' own loader cannot tell the format of such a file where out_proj is not in it."""
    model = models("stable-diffusion-1")
    path = write_kohya(tmp_path / "text.safetensors", model.networks, names="never", text=text, alpha=1.0)
    assert (model.with_lora((path, 1.0)) - model.merged(path, 1.0)).abs().max() < 1e-3
    assert not torch.equal(model.draw(), model.bare)
    model.adapters.clear()
    model.assert_untouched()


def test_several_at_once_add_up_and_come_off_one_by_one(model, tmp_path):
    first = write_kohya(tmp_path / "first.safetensors", model.networks, seed=1)
    second = write_peft(tmp_path / "second.safetensors", model.networks, seed=2, rank=2)
    one, two = model.with_lora((first, 0.4)), model.with_lora((second, 0.4))
    both = model.with_lora((first, 0.4), (second, 0.4))
    assert not any(torch.equal(both, other) for other in (one, two, model.bare))
    assert torch.equal(model.with_lora((second, 0.4)), two)
    assert torch.equal(model.with_lora((first, 0.4)), one)
    assert torch.equal(model.with_lora((first, 0.4), (second, 0.0)), one)
    model.adapters.clear()
    model.assert_untouched()


@given(weights=st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=2))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_weights_are_worked_and_leave_no_trace(models, tmp_path_factory, weights):
    model, folder = models("stable-diffusion-1"), tmp_path_factory.getbasetemp()
    paths = [folder / f"any{n}.safetensors" for n in range(2)]
    for n, path in enumerate(paths):
        if not path.exists():
            write_kohya(path, model.networks, seed=n)
    picture = model.with_lora(*zip(paths, weights, strict=False))
    assert torch.isfinite(picture).all()
    assert torch.equal(model.with_lora(*zip(paths, weights, strict=False)), picture)
    model.adapters.clear()
    assert torch.equal(model.draw(), model.bare)


def test_what_is_there_already_is_not_read_again(models, tmp_path, monkeypatch):
    from desktop.engine import adapters

    model = models("stable-diffusion-1")
    path = write_kohya(tmp_path / "lora.safetensors", model.networks)
    again = write_kohya(tmp_path / "again.safetensors", model.networks, seed=9, rank=8)
    reads = []
    real = adapters.read_lora
    monkeypatch.setattr(adapters, "read_lora", lambda *arguments: reads.append(1) or real(*arguments))
    first = model.with_lora((path, 1.0))
    model.with_lora((path, 0.5))
    model.with_lora((path, 1.0))
    assert reads == [1]
    again.replace(path)  # another file under the same name
    assert not torch.equal(model.with_lora((path, 1.0)), first)
    assert reads == [1, 1]
    model.adapters.clear()
    model.assert_untouched()


def test_two_pipelines_over_the_same_networks_see_the_same_lora(models, tmp_path):
    from diffusers import StableDiffusionImg2ImgPipeline

    model = models("stable-diffusion-1")
    other = StableDiffusionImg2ImgPipeline(**model.pipeline.components, requires_safety_checker=False)
    other.set_progress_bar_config(disable=True)
    before = draw(other, steps=1)
    model.with_lora((write_kohya(tmp_path / "lora.safetensors", model.networks), 1.0))
    assert not torch.equal(draw(other, steps=1), before)
    model.adapters.clear()
    assert torch.equal(draw(other, steps=1), before)


def test_a_run_is_cancelled_in_the_middle_with_a_lora_and_after_it(models, tmp_path):
    model = models("stable-diffusion-1")
    hooks = CancelHooks(model.networks.values())
    try:
        path = write_kohya(tmp_path / "lora.safetensors", model.networks, names=f"{ATTENTION}|{RESNETS}")
        for adapters in ([(path, 1.0)], []):
            model.with_lora(*adapters)
            hooks.token = CancelToken()
            hooks.token.set()
            with pytest.raises(JobCancelled):
                model.draw()
            hooks.token = None
        model.assert_untouched()
    finally:
        hooks.remove()


@pytest.mark.parametrize("name", ["stable-diffusion-3.5-medium", "flux-dev"])
def test_a_transformers_lora_is_applied_and_leaves_no_trace(models, tmp_path, name):
    model = models(name)
    path = write_peft(
        tmp_path / "l.safetensors", {"transformer": model.networks["transformer"]}, names=r"attn\.to_[qkv]$"
    )
    picture = model.with_lora((path, 1.0))
    assert not torch.equal(picture, model.bare)
    model.adapters.clear()
    model.assert_untouched()


def test_a_kohya_lora_of_flux_is_applied(models, tmp_path):
    model = models("flux-dev")
    tensors = {}
    torch.manual_seed(3)
    for name, (into, out) in {
        "double_blocks_1_img_attn_qkv": (32, 3 * 32),
        "double_blocks_0_txt_mlp_0": (32, 4 * 32),
    }.items():
        tensors |= {f"lora_unet_{name}.lora_down.weight": torch.randn(4, into)}
        tensors |= {f"lora_unet_{name}.lora_up.weight": torch.randn(out, 4)}
        tensors |= {f"lora_unet_{name}.alpha": torch.tensor(2.0)}
    path = original_layout.write(tmp_path / "flux.safetensors", tensors)
    assert not torch.equal(model.with_lora((path, 1.0)), model.bare)
    model.adapters.clear()
    model.assert_untouched()


def test_a_lora_of_another_family_is_refused_by_name_and_the_others_stay(models, tmp_path):
    model = models("stable-diffusion-1")
    good = write_kohya(tmp_path / "good.safetensors", model.networks)
    picture = model.with_lora((good, 1.0))
    halves = {"transformer.single_transformer_blocks.0.attn.to_q": 3072}
    tensors = {f"{n}.lora_A.weight": torch.zeros(4, w) for n, w in halves.items()}
    tensors |= {f"{n}.lora_B.weight": torch.zeros(w, 4) for n, w in halves.items()}
    bad = original_layout.write(tmp_path / "flux.safetensors", tensors)
    with pytest.raises(KnownError, match=r"flux\.safetensors: .*FLUX\.1"):
        model.with_lora((good, 1.0), (bad, 1.0))
    assert torch.equal(model.draw(), picture)
    model.adapters.clear()
    model.assert_untouched()


def _other_width(tmp_path, model):
    config = write_small_config("stable-diffusion-1", tmp_path / "wide")
    table = json.loads((config / "unet/config.json").read_text())
    (config / "unet/config.json").write_text(json.dumps(table | {"block_out_channels": [8, 16, 24, 24]}))
    return write_kohya(tmp_path / "wide.safetensors", build(config))


def _other_depth(tmp_path, model):
    tensors = {"lora_unet_down_blocks_7_attentions_0_proj_in.lora_down.weight": torch.zeros(4, 8)}
    tensors |= {"lora_unet_down_blocks_7_attentions_0_proj_in.lora_up.weight": torch.zeros(8, 4)}
    return original_layout.write(tmp_path / "deep.safetensors", tensors)


def _second_half_wrong(tmp_path, model):
    """Its U-Net's part fits, its text encoder's does not: nothing of it may stay."""
    from safetensors.torch import load_file

    tensors = load_file(write_kohya(tmp_path / "half.safetensors", model.networks))
    last = [name for name in tensors if name.startswith("lora_te_") and name.endswith("lora_down.weight")][-1]
    return original_layout.write(tmp_path / "half.safetensors", tensors | {last: torch.zeros(4, 5)})


def _truncated(tmp_path, model):
    path = write_kohya(tmp_path / "cut.safetensors", model.networks)
    path.write_bytes(path.read_bytes()[:-50])
    return path


def _a_model(tmp_path, model):
    return original_layout.write(tmp_path / "unet.safetensors", model.networks["unet"].state_dict())


def _missing(tmp_path, model):
    return tmp_path / "missing.safetensors"


@pytest.mark.parametrize("make", [_other_width, _other_depth, _second_half_wrong, _truncated, _a_model, _missing])
def test_a_file_that_does_not_fit_is_named_and_nothing_stays(models, tmp_path, make):
    model = models("stable-diffusion-1")
    path = make(tmp_path, model)
    with pytest.raises(KnownError, match=path.name) as raised:
        model.with_lora((path, 1.0))
    assert raised.value.hint
    assert model.adapters.active == ()
    model.assert_untouched()


def test_an_injection_that_breaks_half_way_leaves_nothing(models, tmp_path, monkeypatch):
    from desktop.engine import adapters

    model = models("stable-diffusion-1")
    path = write_kohya(tmp_path / "lora.safetensors", model.networks)
    real = adapters._inject

    def inject(network, name, layers):
        real(network, name, layers)
        if network is model.networks["text_encoder"]:
            raise RuntimeError("size mismatch")

    monkeypatch.setattr(adapters, "_inject", inject)
    with pytest.raises(KnownError, match="size mismatch"):
        model.with_lora((path, 1.0))
    model.assert_untouched()


def test_the_same_file_twice_and_weights_without_sense_are_refused(models, tmp_path):
    model = models("stable-diffusion-1")
    path = write_kohya(tmp_path / "lora.safetensors", model.networks)
    with pytest.raises(KnownError, match="twice"):
        model.with_lora((path, 1.0), (path, 0.5))
    for weight in (float("nan"), float("inf"), 1e9):
        with pytest.raises(KnownError, match="weight"):
            Adapter(path=path, weight=weight)


def test_half_precision_models_take_loras_of_any_precision(tmp_path):
    model = Model("stable-diffusion-1", tmp_path)
    path = write_kohya(tmp_path / "lora.safetensors", model.networks)
    for network in model.networks.values():
        network.to(torch.bfloat16)
    model.bare = model.draw()
    assert not torch.equal(model.with_lora((path, 1.0)), model.bare)
    kinds = {p.dtype for n, p in model.networks["unet"].named_parameters() if ".lora_" in n}
    assert kinds == {torch.bfloat16}
    model.adapters.clear()
    model.assert_untouched()
