"""Words that files bring: known while they are wanted, and gone without a trace."""

import pytest
import torch

from desktop.engine.embeddings import Embedding, Embeddings
from desktop.errors import KnownError
from tests import original_layout
from tests.adapter_files import write_embedding, write_kohya
from tests.small_models import build, diffusers_pipeline, write_small_config

WIDTHS = {"stable-diffusion-1": {"emb_params": 16}, "stable-diffusion-xl": {"clip_l": 16, "clip_g": 24}}


class Model:
    def __init__(self, name, folder):
        self.networks = build(write_small_config(name, folder / name))
        self.pipeline = diffusers_pipeline(folder / name, self.networks)
        self.encoders = [network for part, network in self.networks.items() if part.startswith("text_encoder")]
        self.tokenizers = [self.pipeline.tokenizer, getattr(self.pipeline, "tokenizer_2", None)]
        self.tables = [encoder.get_input_embeddings().weight for encoder in self.encoders]
        self.copies = [table.clone() for table in self.tables]
        self.embeddings = Embeddings([self.pipeline])
        self.bare = self.draw()

    def draw(self, prompt="ink-style apple"):
        generator = torch.Generator("cpu").manual_seed(1)
        arguments = {"num_inference_steps": 1, "generator": generator, "output_type": "pt", "return_dict": False}
        with torch.no_grad():
            return self.pipeline(prompt, width=64, height=64, **arguments)[0]

    def assert_untouched(self):
        assert [self.pipeline.tokenizer, getattr(self.pipeline, "tokenizer_2", None)] == self.tokenizers
        for encoder, table, values in zip(self.encoders, self.tables, self.copies, strict=True):
            assert encoder.get_input_embeddings().weight is table
            assert torch.equal(table, values)
            assert encoder.get_input_embeddings().num_embeddings == len(table)
        assert torch.equal(self.draw(), self.bare)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("models"), {}

    def get(name):
        if name not in made:
            made[name] = Model(name, folder)
        return made[name]

    return get


@pytest.fixture(params=WIDTHS)
def model(request, models):
    yield models(request.param)
    models(request.param).embeddings.clear()


def widths(model):
    return WIDTHS["stable-diffusion-xl" if len(model.encoders) > 1 else "stable-diffusion-1"]


def test_a_word_changes_the_picture_and_leaves_no_trace(model, tmp_path):
    path = write_embedding(tmp_path / "ink-style.safetensors", widths(model))
    model.embeddings.apply([Embedding(path=path)])
    assert model.embeddings.words == {path: "ink-style"}
    assert not torch.equal(model.draw(), model.bare)
    assert torch.equal(model.draw("an apple"), model.draw("an apple"))
    model.embeddings.clear()
    model.assert_untouched()


def test_a_prompt_without_the_word_is_drawn_as_before(model, tmp_path):
    before = model.draw("an apple")
    model.embeddings.apply([Embedding(path=write_embedding(tmp_path / "ink-style.safetensors", widths(model)))])
    assert torch.equal(model.draw("an apple"), before)


def test_every_vector_of_a_word_reaches_the_text_encoder(models, tmp_path):
    model = models("stable-diffusion-1")
    path = write_embedding(tmp_path / "ink-style.safetensors", {"emb_params": 16}, vectors=3)
    model.embeddings.apply([Embedding(path=path)])
    prompt = model.pipeline.maybe_convert_prompt("ink-style apple", model.pipeline.tokenizer)
    ids = model.pipeline.tokenizer(prompt).input_ids
    assert ids[1:4] == [49408, 49409, 49410]
    from safetensors.torch import load_file

    rows = model.encoders[0].get_input_embeddings().weight[49408:]
    assert torch.equal(rows, load_file(path)["emb_params"])
    model.embeddings.clear()


def test_several_words_come_and_go_one_by_one(model, tmp_path):
    first = Embedding(path=write_embedding(tmp_path / "ink-style.safetensors", widths(model), seed=1))
    second = Embedding(path=write_embedding(tmp_path / "b.safetensors", widths(model), seed=2), word="apple-b")
    model.embeddings.apply([first])
    one = model.draw("ink-style apple-b")
    model.embeddings.apply([first, second])
    assert model.embeddings.words[second.path] == "apple-b"
    assert not torch.equal(model.draw("ink-style apple-b"), one)
    model.embeddings.apply([first])
    assert torch.equal(model.draw("ink-style apple-b"), one)
    model.embeddings.clear()
    model.assert_untouched()


def test_a_word_the_model_knows_already_keeps_its_meaning(models, tmp_path):
    model = models("stable-diffusion-1")
    path = write_embedding(tmp_path / "cat.safetensors", {"emb_params": 16})
    before = model.draw("a cat")
    model.embeddings.apply([Embedding(path=path)])
    assert model.embeddings.words[path] == "<cat>"
    assert torch.equal(model.draw("a cat"), before)
    assert not torch.equal(model.draw("a <cat>"), before)
    model.embeddings.clear()


@pytest.mark.parametrize("name", ["two words (1)", "a, b", "...", "(", "x" * 200])
def test_a_file_of_any_name_gets_a_word_that_can_be_written(models, tmp_path, name):
    model = models("stable-diffusion-1")
    path = write_embedding(tmp_path / f"{name}.safetensors", {"emb_params": 16})
    model.embeddings.apply([Embedding(path=path)])
    word = model.embeddings.words[path]
    assert not set(word) & set(" ,()[]")
    assert not torch.equal(model.draw(f"{word} apple"), model.draw("apple"))
    model.embeddings.clear()
    model.assert_untouched()


def test_the_pooled_prompt_ends_where_it_ended_before(tmp_path):
    """Published folders call the last token 2; then CLIP takes the greatest number for it, and a word's is greater."""
    model = Model("stable-diffusion-xl", tmp_path)
    second = model.pipeline.text_encoder_2
    second.text_model.eos_token_id = 2
    model.bare = model.draw()
    path = write_embedding(tmp_path / "ink-style.safetensors", widths(model))
    model.embeddings.apply([Embedding(path=path)])
    ids = torch.tensor([[49406, 49408, 3055, 49407, *[0] * 73]])
    states = second(ids, output_hidden_states=True)
    end = second.text_projection(second.text_model.final_layer_norm(states.hidden_states[-1])[:, 3])
    assert torch.allclose(states.text_embeds, end, atol=1e-6)
    model.embeddings.clear()
    assert second.text_model.eos_token_id == 2
    model.assert_untouched()


def _other_width(folder, model):
    return write_embedding(folder / "wide.safetensors", {"emb_params": 768})


def _of_xl(folder, model):
    return write_embedding(folder / "xl.safetensors", WIDTHS["stable-diffusion-xl"])


def _a_lora(folder, model):
    return write_kohya(folder / "lora.safetensors", model.networks)


def _a_pickle(folder, model):
    torch.save({"string_to_param": {"*": torch.zeros(1, 16)}}, folder / "old.pt")
    return folder / "old.pt"


def _missing(folder, model):
    return folder / "missing.safetensors"


@pytest.mark.parametrize("make", [_other_width, _of_xl, _a_lora, _a_pickle, _missing])
def test_a_file_that_does_not_fit_is_named_and_nothing_changes(models, tmp_path, make):
    model = models("stable-diffusion-1")
    good = Embedding(path=write_embedding(tmp_path / "ink-style.safetensors", {"emb_params": 16}))
    model.embeddings.apply([good])
    with_good = model.draw()
    bad = make(tmp_path, model)
    with pytest.raises(KnownError, match=bad.name):
        model.embeddings.apply([good, Embedding(path=bad)])
    assert torch.equal(model.draw(), with_good)
    model.embeddings.clear()
    model.assert_untouched()


def test_an_embedding_of_version_1_is_refused_by_xl(models, tmp_path):
    path = write_embedding(tmp_path / "one.safetensors", {"emb_params": 16})
    with pytest.raises(KnownError, match=r"one\.safetensors"):
        models("stable-diffusion-xl").embeddings.apply([Embedding(path=path)])
    models("stable-diffusion-xl").assert_untouched()


def test_two_words_of_one_name_are_refused(models, tmp_path):
    model = models("stable-diffusion-1")
    paths = [write_embedding(tmp_path / f"{n}.safetensors", {"emb_params": 16}) for n in "ab"]
    with pytest.raises(KnownError, match="Two embeddings"):
        model.embeddings.apply([Embedding(path=path, word="same") for path in paths])
    model.assert_untouched()


def test_a_word_whose_first_letters_are_another_word_is_its_own(models, tmp_path):
    model = models("stable-diffusion-1")
    short = write_embedding(tmp_path / "zork.safetensors", {"emb_params": 16}, seed=1)
    other = original_layout.write(tmp_path / "zork_1.safetensors", {"emb_params": torch.randn(1, 16)})
    with pytest.raises(KnownError, match="cannot learn"):  # zork's second vector is called zork_1
        model.embeddings.apply([Embedding(path=short), Embedding(path=other)])
    model.assert_untouched()
