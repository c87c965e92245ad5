"""The catalogue: whole, honest about what it costs, and judged against a machine."""

import importlib
import json

import pytest

from desktop.library.catalogue import PATH, Fit, catalogue, find, fits
from desktop.library.machine import Machine, this_machine
from desktop.library.wanted import read_wanted

GB = 10**9


def test_about_twenty_models_each_under_a_name_of_its_own():
    names = [entry.name for entry in catalogue()]
    assert 18 <= len(names) <= 26
    assert len(set(names)) == len(names)
    assert len({repo for entry in catalogue() for repo in entry.repos}) == sum(len(e.repos) for e in catalogue())


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_every_entry_says_what_it_costs_and_under_what_licence(entry):
    assert entry.licence.name
    assert entry.licence.link.startswith("https://")
    assert 1 * GB < entry.offload_bytes <= entry.memory_bytes < 100 * GB
    assert 1 * GB < entry.bytes < 100 * GB
    assert 10 < len(entry.good_at) <= 90
    assert entry.good_at.endswith(".")
    for repo in entry.repos:
        assert read_wanted(repo).repo == repo
    assert "/" not in entry.name


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_every_pipeline_is_one_diffusers_has(entry):
    assert hasattr(importlib.import_module("diffusers"), entry.pipeline)


def test_every_figure_names_its_source():
    document = json.loads(PATH.read_text(encoding="utf-8"))
    assert "approximate" in document["about"]
    assert all(model["size_basis"] and model["held"] for model in document["models"])


def test_an_entry_is_found_by_its_name_and_by_its_repository():
    assert find("SDXL").repos == ("stabilityai/stable-diffusion-xl-base-1.0",)
    assert find("stabilityai/sdxl-turbo").name == "sdxl-turbo"
    assert find("nothing of the kind") is None


def test_what_fits_depends_on_the_device_first_and_on_the_memory_behind_it():
    entry = find("sdxl")
    assert fits(entry, Machine(ram_bytes=8 * GB, device_bytes=12 * GB)) is Fit.YES
    assert fits(entry, Machine(ram_bytes=16 * GB, device_bytes=8 * GB)) is Fit.OFFLOAD
    assert fits(entry, Machine(ram_bytes=8 * GB, device_bytes=8 * GB)) is Fit.NO
    assert fits(entry, Machine(ram_bytes=64 * GB, device_bytes=4 * GB)) is Fit.NO
    assert fits(find("flux-dev"), Machine(ram_bytes=64 * GB, device_bytes=8 * GB)) is Fit.OFFLOAD  # layer by layer
    assert fits(find("flux-dev"), Machine(ram_bytes=32 * GB, device_bytes=8 * GB)) is Fit.NO
    assert fits(entry, Machine(ram_bytes=16 * GB)) is Fit.YES
    assert fits(entry, Machine(ram_bytes=8 * GB)) is Fit.NO


def test_the_memory_of_this_machine_is_known():
    assert 256 * 2**20 < this_machine().ram_bytes < 2**46
