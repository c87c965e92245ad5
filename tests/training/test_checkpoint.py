import os

import pytest
import torch

from desktop.errors import KnownError
from desktop.training import checkpoint


def test_weights_moments_and_counters_come_back(tmp_path):
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    kept = checkpoint.prefixed("a", layer.state_dict()) | checkpoint.prefixed(
        "o", checkpoint.optimiser_tensors(optimiser)
    )
    checkpoint.store(tmp_path / "c.safetensors", kept, {"done": 7, "seconds": 0.1})
    tensors, counters = checkpoint.load(tmp_path / "c.safetensors")
    assert counters == {"done": 7, "seconds": 0.1}
    assert torch.equal(checkpoint.under("a", tensors)["weight"], layer.weight)
    other = torch.optim.AdamW(layer.parameters(), lr=0.2)
    checkpoint.restore_optimiser(other, checkpoint.under("o", tensors))
    assert torch.equal(other.state_dict()["state"][0]["exp_avg"], optimiser.state_dict()["state"][0]["exp_avg"])
    assert other.param_groups[0]["lr"] == 0.2


def test_a_full_disk_leaves_the_last_checkpoint_usable(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    checkpoint.store(path, {"a": torch.ones(2)}, {"done": 1})

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KnownError, match="No space left") as caught:
        checkpoint.store(path, {"a": torch.zeros(2)}, {"done": 2})
    assert "last checkpoint" in caught.value.hint
    assert checkpoint.load(path)[1] == {"done": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.mark.parametrize("share", [0, 0.05, 0.5, 0.99])
def test_a_damaged_checkpoint_is_a_known_error(tmp_path, share):
    path = tmp_path / "c.safetensors"
    checkpoint.store(path, {"a": torch.ones(200)}, {"done": 1})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(KnownError, match="damaged"):
        checkpoint.load(path)
