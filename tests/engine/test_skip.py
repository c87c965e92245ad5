"""Passing over a network's steps, and what is there afterwards."""

import torch
from accelerate.hooks import ModelHook, add_hook_to_module

from desktop.engine.skip import NetworkSkip


class Counting(ModelHook):
    def __init__(self):
        self.calls = 0

    def pre_forward(self, module, *args, **kwargs):
        self.calls += 1
        return args, kwargs


def test_a_network_computes_again_after_the_skip():
    network = torch.nn.Linear(2, 2)
    states, real = torch.ones(1, 2), network(torch.ones(1, 2))
    skip = NetworkSkip([network], {})
    skip.start()
    assert torch.equal(network(states), torch.zeros(1, 2))
    skip.stop()
    skip.stop()
    assert torch.equal(network(states), real)
    assert "forward" not in vars(network)


def test_what_moves_an_offloaded_network_to_its_device_is_still_there_after_the_skip():
    network, hook = torch.nn.Linear(2, 2), Counting()
    add_hook_to_module(network, hook)
    skip = NetworkSkip([network], {})
    skip.start()
    network(torch.ones(1, 2))
    skip.stop()
    before = hook.calls
    network(torch.ones(1, 2))
    assert hook.calls == before + 1
