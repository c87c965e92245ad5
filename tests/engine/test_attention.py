"""Which part of a picture each word drew: the recorded weights are the layers' own, and the picture stays as it is."""

import pytest
import torch
from PIL import Image

from desktop.engine.attention import CrossAttention, weights_of, words_and_tokens
from desktop.errors import KnownError
from desktop.messages import AttentionSeen, Branch, Cancelled, Failed, Phase, PhaseChanged, Preview, Saved
from desktop.settings import RESOURCES
from tests.engine.conftest import Bench, request
from tests.models import STARTER
from tests.tiny import BUILDERS


def ended(watch):
    def seen(job_id, record):
        return AttentionSeen(job_id=job_id, path="", words=watch.heats(), unread=watch.unread, identical=True)

    return seen


def look(bench, asked):
    """(the watch, the job's last event)."""
    bench.start()
    watch = CrossAttention()
    return watch, bench.wait(bench.engine.submit(asked, watch=watch, ended=ended(watch)))


def unet_of(bench):
    return bench.engine.holder.loaded[0].pipelines["text_to_image"].unet


def hooks_on(network):
    return sum(len(module._forward_pre_hooks) + len(module._forward_hooks) for module in network.modules())


def test_a_layers_weights_are_the_softmax_of_its_queries_and_keys():
    from diffusers.models.attention_processor import Attention

    torch.manual_seed(0)
    layer = Attention(query_dim=8, cross_attention_dim=6, heads=2, dim_head=4)
    hidden, text = torch.randn(1, 9, 8), torch.randn(1, 5, 6)
    with torch.no_grad():
        found = weights_of(layer, hidden, text)
        queries, keys = layer.to_q(hidden)[0], layer.to_k(text)[0]
        expected = torch.zeros(9, 5)
        for head in range(2):
            part = slice(4 * head, 4 * head + 4)
            expected += torch.softmax(queries[:, part] @ keys[:, part].T / 4**0.5, -1) / 2
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(-1), torch.ones(9))


def test_few_heads_at_once_give_the_same_weights(monkeypatch):
    from diffusers.models.attention_processor import Attention

    torch.manual_seed(0)
    layer = Attention(query_dim=8, cross_attention_dim=6, heads=4, dim_head=4)
    hidden, text = torch.randn(1, 9, 8), torch.randn(1, 5, 6)
    with torch.no_grad():
        whole = weights_of(layer, hidden, text)
        monkeypatch.setattr("desktop.engine.attention.BYTES_MAX", 1)
        torch.testing.assert_close(weights_of(layer, hidden, text), whole)


def test_what_is_recorded_is_what_the_models_layers_computed(bench):
    """The model's own attention, given values from which its weights can be read off, says the same."""
    asked = request(steps=1, guidance_scale=1.0)
    bench.image(asked)
    network, seen = unet_of(bench), []

    def own(layer, args, kwargs):
        hidden, text = args[0], kwargs["encoder_hidden_states"]
        parts = layer.to_q(hidden), layer.to_k(text)
        queries, keys = (part.unflatten(-1, (layer.heads, -1)).transpose(1, 2) for part in parts)
        tokens = torch.eye(text.shape[1]).expand(1, layer.heads, -1, -1)
        weights = torch.nn.functional.scaled_dot_product_attention(queries, keys, tokens)
        seen.append(weights.mean(1)[0])

    layers = [layer for name, layer in network.named_modules() if name.endswith("attn2")]
    handles = [layer.register_forward_pre_hook(own, with_kwargs=True) for layer in layers]
    watch, event = look(bench, asked)
    for handle in handles:
        handle.remove()
    assert isinstance(event, AttentionSeen)
    assert len(seen) == len(layers) > 1
    expected = 0
    for weights in seen:
        side = int(len(weights) ** 0.5)
        grid = weights.T.reshape(1, -1, side, side)
        expected = expected + torch.nn.functional.interpolate(grid, (32, 32), mode="bicubic")[0]
    torch.testing.assert_close(watch.token_maps(32, 32), expected / len(seen))


@pytest.mark.parametrize("changes", [{}, {"guidance_scale": 1.0}, {"width": 48}, {"scheduler": "heun"}])
def test_the_weights_of_all_tokens_share_out_one_at_every_place(bench, changes):
    watch, _ = look(bench, request(prompt="a red strawberry", **changes))
    maps = watch.token_maps(32, 48)
    assert len(maps) == 32  # as many as the text encoder reads, padding too
    torch.testing.assert_close(maps.sum(0), torch.ones(32, 48))


def test_only_the_half_that_hears_the_prompt_counts(bench):
    plain, _ = look(bench, request(steps=1, guidance_scale=1.0))
    guided, _ = look(bench, request(steps=1, guidance_scale=7.0, negative_prompt="a long text of what is not wanted"))
    torch.testing.assert_close(guided.token_maps(16, 16), plain.token_maps(16, 16))


@pytest.mark.parametrize("model", ["tiny", "starter"])
def test_the_picture_is_the_same_with_and_without_recording_and_nothing_is_left_on_the_model(bench, model):
    info = bench.library.resolve(model)
    size = {"width": info.width, "height": info.height} if model == "starter" else {}
    asked = request(model=model, prompt="a red apple", scheduler="dpmpp_2m", **size)
    before = bench.image(asked).tobytes()
    processors, hooks = unet_of(bench).attn_processors, hooks_on(unet_of(bench))
    bench.images.clear()
    _, event = look(bench, asked)
    assert isinstance(event, AttentionSeen)
    assert bench.images[asked].tobytes() == before
    assert hooks_on(unet_of(bench)) == hooks
    after = unet_of(bench).attn_processors
    assert all(after[name] is processor for name, processor in processors.items())
    assert len(event.words) == 3
    for heat in event.words:
        assert len(heat.heat) == heat.width * heat.height
        assert (min(heat.heat), max(heat.heat)) == (0, 255)
        assert 0 <= heat.low < heat.high <= 1


def test_image_to_image_is_recorded_too(bench):
    bench.starts["a" * 64] = Image.linear_gradient("L").convert("RGB")
    watch, event = look(bench, request(start_picture="a" * 64, strength=0.5))
    assert [heat.word for heat in event.words] == ["a", "red", "apple"]
    assert watch._counted == 1, "two of four steps are taken"


def test_a_branch_counts_the_steps_it_does_not_share(bench):
    trunk = request(steps=4)
    branch = trunk.replace(prompt="a green pear", branch=Branch(trunk=trunk, step=3))
    watch, event = look(bench, branch)
    layers = sum(1 for name, _ in unet_of(bench).named_modules() if name.endswith("attn2"))
    assert watch._layers == layers, "one step, and not the run that finds out the shape of the network's answers"
    again, _ = look(bench, branch)
    torch.testing.assert_close(again.token_maps(8, 8), watch.token_maps(8, 8))
    assert [heat.word for heat in event.words] == ["a", "green", "pear"]


def test_a_pause_in_the_middle_leaves_no_gap_and_counts_no_step_twice(tiny, tmp_path):
    bench = Bench(tiny, tmp_path, unfinished=tmp_path / "unfinished.safetensors")
    try:
        asked = request(steps=8, scheduler="euler_ancestral")
        whole, _ = look(bench, asked)
        watch = CrossAttention()

        def pause_once(event):
            if isinstance(event, Preview) and event.step == 4:
                bench.on_event = lambda event: None
                bench.engine.pause()

        bench.on_event = pause_once
        job = bench.engine.submit(asked, watch=watch, ended=ended(watch))
        while not (events := bench.events.get(timeout=60)) or not getattr(events, "paused", False):
            pass
        bench.engine.resume()
        assert isinstance(bench.wait(job), AttentionSeen)
        assert watch._layers == whole._layers
        torch.testing.assert_close(watch.token_maps(16, 16), whole.token_maps(16, 16))
    finally:
        assert bench.engine.close(60)


def test_what_a_crash_left_half_done_is_not_gone_on_from_when_its_beginning_was_not_seen(bench):
    watch = CrossAttention()
    assert watch.covers(0)
    assert not watch.covers(3)


def test_it_stops_as_every_job_does_and_the_next_one_runs(bench):
    bench.image(request())
    watch, hooks = CrossAttention(), hooks_on(unet_of(bench))
    bench.on_event = lambda event: (
        bench.engine.cancel(event.job_id)
        if isinstance(event, PhaseChanged) and event.phase is Phase.DENOISING and event.job_id
        else None
    )
    job = bench.engine.submit(request(steps=40), watch=watch, ended=ended(watch))
    assert isinstance(bench.wait(job), Cancelled)
    bench.on_event = lambda event: None
    assert hooks_on(unet_of(bench)) == hooks
    assert isinstance(bench.run(request()), Saved)


def test_out_of_memory_is_said_in_one_sentence(bench, monkeypatch):
    def too_much(*arguments):
        raise torch.OutOfMemoryError("there is none")

    bench.image(request())
    monkeypatch.setattr("desktop.engine.attention.weights_of", too_much)
    _, event = look(bench, request())
    assert isinstance(event, Failed)
    assert "not enough memory" in event.message


@pytest.mark.parametrize("design", ["sdxl", "sdxl_refiner", "sd2"])
def test_every_network_with_cross_attention_shows_its_words(tmp_path, design):
    folder = BUILDERS[design](tmp_path / "models" / design)
    bench = Bench(folder, tmp_path)
    try:
        info = bench.library.resolve(design)
        asked = request(model=design, scheduler=info.scheduler, prompt="a red strawberry", steps=2)
        if design == "sdxl_refiner":
            bench.starts["a" * 64] = Image.linear_gradient("L").convert("RGB")
            asked = asked.replace(start_picture="a" * 64, strength=1.0)
        watch, event = look(bench, asked)
        assert isinstance(event, AttentionSeen), event
        assert [heat.word for heat in event.words] == ["a", "red", "strawberry"]
        torch.testing.assert_close(watch.token_maps(8, 8).sum(0), torch.ones(8, 8))
    finally:
        assert bench.engine.close(60)


@pytest.mark.parametrize("design", ["sd3", "karlo"])
def test_a_network_without_it_says_so_in_a_sentence(tmp_path, design):
    folder = BUILDERS[design](tmp_path / "models" / design)
    bench = Bench(folder, tmp_path)
    try:
        info = bench.library.resolve(design)
        asked = request(
            model=design, scheduler=info.scheduler, width=info.width, height=info.height, prompt="a red apple", steps=2
        )
        _, event = look(bench, asked)
        assert isinstance(event, Failed)
        assert "cross-attention" in event.message
        assert not event.is_bug
    finally:
        assert bench.engine.close(60)


@pytest.fixture(params=[STARTER / "tokenizer", RESOURCES / "configs" / "tokenizers" / "clip"], ids=["starter", "clip"])
def tokenizer(request):
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(request.param, local_files_only=True)


def test_tokens_are_grouped_to_the_words_as_they_were_typed(tokenizer):
    prompt = "A red Strawberry, isn't it? (ice-cream) — café & 🦊, a"
    words, unread = words_and_tokens(prompt, tokenizer)
    assert [word.text for word in words] == ["A", "red", "Strawberry", "isn't", "it", "ice-cream", "café", "🦊", "a"]
    assert unread == ()
    pieces = tokenizer.convert_ids_to_tokens(tokenizer(prompt)["input_ids"])
    joined = {word.text: "".join(pieces[n] for n in word.tokens).replace("</w>", "") for word in words}
    assert joined["ice-cream"] == "ice-cream"
    assert joined["isn't"] == "isn't"
    assert joined["Strawberry"] == "strawberry"
    every = [n for word in words for n in word.tokens]
    assert len(every) == len(set(every))
    assert not {pieces[n] for n in every} & {"<|startoftext|>", "<|endoftext|>", ",</w>", "?</w>", "(</w>"}


def test_words_beyond_what_is_read_are_named(tokenizer):
    prompt = " ".join(["cat"] * (tokenizer.model_max_length - 2) + ["never", "read"])
    words, unread = words_and_tokens(prompt, tokenizer)
    assert len(words) == tokenizer.model_max_length - 2
    assert unread == ("never", "read")


def test_a_word_of_several_vectors_is_one_word(tokenizer):
    tokenizer.add_tokens(["<moss>", "<moss>_1", "<moss>_2"])
    words, _ = words_and_tokens("a <moss> stone", tokenizer, "a <moss> <moss>_1 <moss>_2 stone")
    assert {word.text: len(word.tokens) for word in words}["moss"] == 3
    assert words[-1].text == "stone"
    assert words[-1].tokens[0] == 5


def test_a_family_is_refused_before_anything_is_loaded(bench, tmp_path):
    from desktop.engine.attention import check_attends

    folder = BUILDERS["sd3"](tmp_path / "sd3")
    with pytest.raises(KnownError, match="cross-attention"):
        check_attends(bench.library.resolve(str(folder)))
