"""Which device is used, where the drivers are what they are. The card itself is played: none is here."""

import warnings

import pytest
import torch

from desktop.engine import hardware
from desktop.engine.hardware import find_device
from desktop.messages import EngineReady
from tests.engine.conftest import Bench


@pytest.fixture
def card(monkeypatch):
    """A graphics card of NVIDIA's, found by a torch that has code for some; available() as given."""

    def make(available=lambda: True, vendors=(hardware.NVIDIA,)):
        monkeypatch.setattr(torch.version, "cuda", "12.8")
        monkeypatch.setattr(torch.cuda, "is_available", available)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda place: "GeForce GT 710")
        monkeypatch.setattr(hardware, "_vendors", lambda: set(vendors))

    return make


def failing(monkeypatch, error):
    real = torch.ones

    def ones(*shape, device=None, **more):
        if device == "cuda":
            raise error
        return real(*shape, device=device, **more)

    monkeypatch.setattr(torch, "ones", ones)


def test_without_a_card_the_processor_is_used_and_nothing_is_said():
    device = find_device()
    assert (device.kind, device.trouble) == ("cpu", "")


def test_a_card_that_computes_is_used(card, monkeypatch):
    card()
    real = torch.ones
    monkeypatch.setattr(torch, "ones", lambda *shape, device=None, **more: real(*shape, **more))
    assert find_device() == hardware.Device(kind="cuda", title="GeForce GT 710")


def test_a_card_that_is_too_old_is_named_and_the_processor_used(card, monkeypatch):
    card()
    failing(monkeypatch, RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore"))
    device = find_device()
    assert device.kind == "cpu"
    assert device.trouble.startswith("GeForce GT 710 is too old for this version of Safelight")


def test_a_card_whose_memory_is_taken_is_named(card, monkeypatch):
    card()
    failing(monkeypatch, torch.OutOfMemoryError("CUDA out of memory."))
    assert "is taken by other programs" in find_device().trouble


def test_a_card_that_fails_in_another_way_gives_its_reason(card, monkeypatch):
    card()
    failing(monkeypatch, RuntimeError("CUDA error: unspecified launch failure\nsecond line"))
    trouble = find_device().trouble
    assert "(CUDA error: unspecified launch failure)" in trouble
    assert "second line" not in trouble


def test_a_driver_that_is_too_old_is_told(card):
    def available():
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old (found 11040)", stacklevel=1)
        return False

    card(available)
    assert "driver is too old" in find_device().trouble


def test_a_card_without_a_driver_is_told_and_no_card_is_not(card):
    card(lambda: False)
    assert "has no driver that works" in find_device().trouble
    card(lambda: False, vendors=("0x8086",))
    assert find_device().trouble == ""


def test_the_engine_tells_of_it_and_draws_on_the_processor(tiny, tmp_path, card, monkeypatch):
    card(lambda: False)
    bench = Bench(tiny, tmp_path)
    bench.start()
    from tests.engine.conftest import request

    bench.run(request())
    assert "no driver" in bench.of(EngineReady)[0].trouble
    assert bench.engine.close(60)
