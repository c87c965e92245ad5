import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image

from desktop.training import nouns, pictures, sheet

FOLDER = Path(__file__).parents[2] / "resources" / "models" / "starter"
SIDE = 256
LATENTS = 16


def learnt():
    """What the shipped model was shown; the list may be longer by now, and new things stand at its end."""
    return nouns.chosen()[: json.loads((FOLDER / "score.json").read_text())["things"]]


@pytest.fixture(scope="module")
def drawings():
    """(N, 3, S, S) in -1..1: the first pictures of the shipped sheet."""
    with Image.open(FOLDER / "samples.webp") as opened:
        pixels = np.asarray(opened.convert("RGB"))
    columns = pixels.shape[1] // SIDE
    tiles = [
        pixels[row * (SIDE + sheet.LABEL) :, column * SIDE :][:SIDE, :SIDE]
        for row, column in (divmod(place, columns) for place in range(24))
    ]
    return torch.from_numpy(pictures.to_unit(np.stack(tiles)))


@pytest.fixture(scope="module")
def coder():
    return AutoencoderKL.from_pretrained(FOLDER / "vae", local_files_only=True, dtype=torch.float32).eval()


def test_latents_have_about_unit_variance_and_no_offset(coder, drawings):
    with torch.no_grad():
        latents = torch.cat([coder.encode(part).latent_dist.mean for part in drawings.split(8)])
    assert latents.shape[1:] == (16, LATENTS, LATENTS) and coder.config.scaling_factor == 1
    assert 0.8 < float(latents.square().mean().sqrt()) < 1.2
    assert float(latents.mean((0, 2, 3)).abs().max()) < 0.3


def test_the_autoencoder_gives_pictures_back(coder, drawings):
    with torch.no_grad():
        back = coder.decode(coder.encode(drawings[:8]).latent_dist.mean).sample
    assert float((back - drawings[:8]).abs().mean()) * 127.5 < 4


def test_the_paper_comes_out_white(coder):
    with torch.no_grad():
        back = coder.decode(coder.encode(torch.ones(1, 3, SIDE, SIDE)).latent_dist.mean).sample
    assert float((1 - back).abs().mean()) * 127.5 < 3


def test_the_card_lists_every_thing_and_the_folder_stays_small():
    card = (FOLDER / "README.md").read_text()
    known = learnt()
    assert len(known) >= 120 and all(noun.name in card for noun in known)
    assert "Microsoft Corporation" in card and "MIT" in card and "cannot do" in card
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 64 * 2**20


def test_the_card_holds_the_scores_that_lie_beside_it():
    card = (FOLDER / "README.md").read_text().splitlines()
    titles = {
        "by name: the first": ("names", "top1"),
        "by keywords only: among the first five": ("keywords", "top5"),
        "pairs never seen together: both among the first five": ("pairs", "both_in_top5"),
    }
    for place, name, column in ((0, "score-all.json", 3), (1, "score-4-steps.json", 4), (1, "score.json", 5)):
        report = json.loads((FOLDER / name).read_text())
        for title, (kind, measure) in titles.items():
            row = [line for line in card if line.startswith(f"| {title} |")][place]
            assert row.split("|")[column].strip() == f"{report['shares'][kind][measure]:.2f}"
    assert report["things"] == len(learnt()) and report["steps"] == 20
    assert report["shares"]["names"]["top5"] > 10 * report["chance"]["names"]["top5"]
