"""Folders whose weights do not belong to their configuration: named in a sentence, and never drawn with."""

import pytest

from desktop.messages import Failed, Saved
from tests.engine.conftest import Bench, request
from tests.models import copy_model


def _without_one(tensors):
    del tensors[max(tensors)]


def _of_another_shape(tensors):
    import torch

    name = max(tensors)
    tensors[name] = torch.zeros(3, *tensors[name].shape)


@pytest.mark.parametrize(("damage", "words"), [(_without_one, "1 of its weights are missing"), (_of_another_shape, "")])
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_that_are_missing_or_shaped_otherwise_are_named(tiny, tmp_path, part, damage, words):
    from safetensors.torch import load_file, save_file

    broken = copy_model(tiny, tmp_path / "models" / "broken")
    path = next((broken / part).glob("*.safetensors"))
    tensors = load_file(path)
    damage(tensors)
    save_file(tensors, path, {"format": "pt"})
    bench = Bench(broken, tmp_path)
    event = bench.run(request(model="broken"))
    assert isinstance(event, Failed)
    assert not event.is_bug, event.details
    assert str(broken / part) in event.message
    assert words in event.message
    assert isinstance(bench.run(request(model=str(tiny))), Saved)
    assert bench.engine.close(60)
