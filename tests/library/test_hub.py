"""What the hub answers, and what is made of it."""

import dataclasses

import pytest

from desktop.errors import KnownError
from desktop.library.catalogue import Licence
from desktop.library.hub import Hub
from desktop.library.hub_errors import HubError, Unreachable
from desktop.library.wanted import Wanted
from tests.library.hub_server import COMMIT, Fault, Repo

INDEX = b'{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}'
FILES = {
    "model_index.json": INDEX,
    "README.md": b"a card",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"weights" * 100,
    "unet/diffusion_pytorch_model.bin": b"a pickle",
}
WANTED = Wanted(repo="someone/model")


def look(token="", wanted=WANTED):
    return Hub(lambda: token).look(wanted)


def refusal(**more):
    with pytest.raises(HubError) as caught:
        look(**more)
    return caught.value


def test_an_offer_holds_what_is_needed_at_one_commit(hub_server):
    hub_server.repos["someone/model"] = Repo(FILES, card={"license": "mit"})
    offer = look()
    assert [f.name for f in offer.files] == [
        "model_index.json",
        "README.md",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]
    assert (offer.revision, offer.name, offer.is_file, offer.gated) == (COMMIT, "model", False, False)
    assert offer.bytes == sum(len(FILES[f.name]) for f in offer.files)
    assert all(bool(f.sha256) != bool(f.git_sha1) for f in offer.files)


@pytest.mark.parametrize(
    ("card", "tags", "licence"),
    [
        ({"license": "apache-2.0"}, [], Licence(name="Apache-2.0", link="https://www.apache.org/licenses/LICENSE-2.0")),
        ({}, ["license:mit"], Licence(name="MIT", link="https://opensource.org/license/mit")),
        (
            {"license": "other", "license_name": "sai-nc", "license_link": "https://stability.ai/license"},
            [],
            Licence(name="sai-nc", link="https://stability.ai/license"),
        ),
        (
            {"license": "other", "license_name": "own", "license_link": "LICENSE.md"},
            [],
            Licence(name="own", link="HUB/someone/model/blob/main/LICENSE.md"),
        ),
        ({"license": "other", "license_link": "javascript://x"}, [], Licence(name="other", link="HUB/someone/model")),
        ({"license": ["mit"]}, "license:mit", Licence(name="")),
        ({}, [], Licence(name="")),
    ],
)
def test_the_licence_is_read_from_the_card(hub_server, card, tags, licence):
    hub_server.repos["someone/model"] = Repo(FILES, card=card, tags=tags)
    expected = dataclasses.replace(licence, link=licence.link.replace("HUB", hub_server.endpoint))
    assert look().licence == expected


def test_a_model_that_is_not_there_may_be_private(hub_server):
    error = refusal()
    assert error.message == "There is no model someone/model on the hub, or it is private"
    assert error.needs_token


def test_a_private_model_is_there_for_whoever_has_a_token(hub_server):
    hub_server.repos["someone/model"] = Repo(FILES, private=True)
    assert refusal().needs_token
    assert look(token="hf_right").repo == "someone/model"


def test_a_wrong_token_is_told_apart_from_a_missing_model(hub_server):
    hub_server.repos["someone/model"] = Repo(FILES)
    error = refusal(token="hf_wrong")
    assert error.message == "The hub does not accept the access token"
    assert "settings/tokens" in error.hint


@pytest.mark.parametrize(("gated", "token"), [("auto", ""), ("refused", "hf_right")])
def test_a_gated_model_says_how_to_get_access(hub_server, gated, token):
    hub_server.repos["someone/model"] = Repo(FILES, gated=gated)
    error = refusal(token=token)
    assert "terms" in error.message
    assert f"{hub_server.endpoint}/someone/model" in error.hint
    assert error.needs_token


def test_a_gated_model_is_there_once_its_terms_are_accepted(hub_server):
    hub_server.repos["someone/model"] = Repo(FILES, gated="manual")
    assert look(token="hf_right").gated


def test_the_token_never_leaves_the_hub_for_another_host(hub_server):
    hub_server.repos["someone/model"] = Repo(FILES, private=True)
    hub = Hub(lambda: "hf_right")
    offer = hub.look(WANTED)
    with hub.open("someone/model", offer.revision, "unet/diffusion_pytorch_model.safetensors", 0) as response:
        assert response.raw.read() == FILES["unet/diffusion_pytorch_model.safetensors"]
    asked = {path.split("/")[1]: given for _, path, _, given in hub_server.seen}
    assert asked["api"] == asked["someone"] == "Bearer hf_right"
    assert asked["store"] is None


def test_a_netrc_file_takes_no_tokens_place(hub_server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    hub_server.repos["someone/model"] = Repo(FILES, private=True)
    assert look(token="hf_right").repo == "someone/model"
    assert {given for *_, given in hub_server.seen} == {"Bearer hf_right"}


@pytest.mark.parametrize(
    ("fault", "message", "after_s"),
    [
        (Fault("status", status=429, headers={"Retry-After": "7"}), "The hub asks to wait", 7.0),
        (Fault("status", status=429, headers={"Retry-After": "soon"}), "The hub asks to wait", None),
        (Fault("status", status=429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), "The hub asks", 0.0),
        (Fault("status", status=503), "The hub is in trouble itself", None),
    ],
)
def test_a_hub_that_is_busy_may_be_asked_again(hub_server, fault, message, after_s):
    hub_server.faults["listing"] = [fault]
    error = refusal()
    assert isinstance(error, Unreachable)
    assert error.message.startswith(message)
    assert error.after_s == after_s


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (404, {"X-Error-Code": "RevisionNotFound"}, "has no such revision"),
        (404, {}, "There is nothing of that name"),
        (403, {"X-Error-Code": "Blocked"}, "refuses"),
        (418, {}, "status 418"),
    ],
)
def test_every_refusal_is_a_sentence_with_a_way_on(hub_server, status, headers, message):
    hub_server.faults["listing"] = [Fault("status", status=status, headers=headers)]
    error = refusal()
    assert message in error.message
    assert error.hint


def test_no_connection_is_no_disaster(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    error = refusal()
    assert isinstance(error, Unreachable)
    assert "what you have works without one" in error.hint


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://127.0.0.1/", "http://[", "http://"])
def test_an_endpoint_nobody_can_use_is_told(monkeypatch, endpoint):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert refusal().hint


@pytest.mark.parametrize("index", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_an_index_that_is_none_is_told(hub_server, index):
    hub_server.repos["someone/model"] = Repo(FILES | {"model_index.json": index})
    assert "makes no sense" in refusal().message


def test_one_file_can_be_asked_for(hub_server):
    hub_server.repos["someone/model"] = Repo({"a/q4.gguf": b"GGUF", "q8.gguf": b"GGUF8", "README.md": b""})
    offer = look(wanted=Wanted(repo="someone/model", file="a/q4.gguf"))
    assert ([f.name for f in offer.files], offer.name, offer.is_file) == (["a/q4.gguf"], "q4.gguf", True)
    with pytest.raises(KnownError, match="holds 2 files of weights") as caught:
        look()
    assert "a/q4.gguf, q8.gguf" in caught.value.hint


def test_the_offline_switch_of_the_engine_does_not_stand_in_the_way(hub_server):
    import huggingface_hub

    assert huggingface_hub.constants.is_offline_mode()  # as in the program, where the engine sets it
    hub_server.repos["someone/model"] = Repo(FILES)
    assert look().repo == "someone/model"


def test_nothing_the_hub_says_reaches_a_terminal_as_a_command(hub_server):
    index = b'{"_class_name": "\\u001b[31mPipeline"}'
    hub_server.repos["someone/model"] = Repo(
        {"model_index.json": index}, card={"license": "\x1b[2J", "license_link": "\x07"}
    )
    with pytest.raises(KnownError) as caught:
        Hub(knows=lambda index: False).look(WANTED)
    assert str(caught.value).isprintable()
    hub_server.repos["someone/model"].files = {"\x1b[31m.gguf": b"", "b.gguf": b""}
    with pytest.raises(KnownError) as caught:
        look()
    assert str(caught.value).isprintable()
    hub_server.repos["someone/model"].files = {"b.gguf": b""}
    licence = look().licence
    assert (licence.name + licence.link).isprintable()
