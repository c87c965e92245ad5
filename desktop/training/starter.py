"""All stages of the starter model, each going on from where its files in the work folder stand.

Work folder: the fetched archives, pictures.safetensors (packed), start/ (the model that is gone on with),
vae.safetensors, tokenizer/, latents/, denoiser.safetensors, student.safetensors, classifier.safetensors, drawings/ (of
the evaluation), model/ (the export, until it is published) and fast/ (the one that draws in four steps). Deleting a
file makes its stage start over.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from desktop.errors import KnownError
from desktop.training import (
    captions,
    checkpoint,
    dataset,
    denoiser,
    distill,
    export,
    latents,
    nouns,
    pictures,
    prompts,
    recombined,
    scenes,
    sheet,
    tokenizer,
    vae,
    vae_training,
)
from desktop.training.budget import Budget
from desktop.training.crew import Crew, half_is_fast
from desktop.training.dataset import Dataset
from desktop.training.denoiser import Denoiser, Lesson
from desktop.training.drawing import Model, Style
from desktop.training.latents import Cache
from desktop.training.loop import Stopped
from desktop.training.recipe import Recipe
from desktop.training.render import Artist
from desktop.training.sets import SETS

SCALING = "scaling.safetensors"  # in the work folder: what the latents were taken by
Report = Callable[[str, dict[str, float]], bool]  # stage, figures -> whether to go on


def packed(recipe: Recipe) -> Dataset:
    """The packed pictures, made first where there are none. Raises: KnownError as dataset.pack."""
    path = recipe.work / dataset.FILE_NAME
    if not path.exists():
        known = nouns.every(recipe.work) if recipe.everything else nouns.chosen_with_words(recipe.work)
        words = tokenizer.english(recipe.work)
        dataset.pack(known, recipe.styles, recipe.work, words, quality=recipe.quality).save(path)
    return dataset.load(path)


def start_folder(recipe: Recipe) -> Path | None:
    """A copy of the model that is gone on with: the export may replace the original. None where there is none."""
    if recipe.start is None:
        return None
    kept = recipe.work / "start"
    if not kept.exists():
        beside = kept.with_name(".start.part")
        shutil.rmtree(beside, ignore_errors=True)
        try:
            for part in ("vae", "unet", "text_encoder", "tokenizer"):
                shutil.copytree(recipe.start / part, beside / part)
            beside.rename(kept)
        except OSError as error:
            hint = "Name the folder of a whole model that can be read, or free some space, and start again."
            why = error.strerror or error
            raise KnownError(f"The model to start from cannot be copied ({why})", hint=hint) from error
    return kept


def start_vae(recipe: Recipe) -> AutoencoderKL | None:
    folder = start_folder(recipe)
    return vae.open_folder(folder / "vae") if folder else None


def shelf(recipe: Recipe) -> np.ndarray:
    """(N, S, S, 3) uint8: the pictures that the autoencoder learns from. Drawn anew each time, and always the same."""
    known = packed(recipe)
    scene = scenes.stream(known, recipe.shelf, recipe.seed + 1, recipe.mix)
    with _artist(recipe, known, recipe.size) as artist:
        return artist.draw([scene(number) for number in range(recipe.shelf)])


def _artist(recipe: Recipe, known: Dataset, size: int) -> Artist:
    return Artist(known, size, recipe.work / dataset.FILE_NAME, recipe.drawing_workers)


def train_vae(recipe: Recipe, report: Report, device: torch.device) -> None:
    vae_training.train(
        recipe.work / "vae.safetensors",
        recipe.vae,
        shelf(recipe),
        Budget(minutes=recipe.vae_minutes, steps=recipe.vae_steps),
        teacher=start_vae(recipe),
        device=device,
        seed=recipe.seed,
        report=lambda figures: report("autoencoder", figures),
    )


def cache_latents(recipe: Recipe, report: Report, device: torch.device) -> Cache:
    """All scenes as latents of the encoder that the denoiser is to draw for, not yet scaled."""
    teacher = start_vae(recipe)
    coder = (teacher or vae.trained(recipe.work / "vae.safetensors", recipe.vae, recipe.size)).to(device)

    def tell(done: int) -> None:
        if not report("latents", {"samples": done, "step": done, "loss": 0.0, "seconds_left": 0.0}):
            raise Stopped

    def encode(unit: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=half_is_fast(device)):
            return vae.encode_mean(coder, unit).float()

    known = packed(recipe)
    size = teacher.config.sample_size if teacher else recipe.size
    with Crew(recipe.denoiser.workers, device) as crew, _artist(recipe, known, size) as artist:
        return latents.cache(
            recipe.work / "latents",
            scenes.stream(known, recipe.scenes, recipe.seed, recipe.mix),
            recipe.scenes,
            artist,
            encode=encode,
            crew=crew,
            device=device,
            report=tell,
        )


def scaling(recipe: Recipe, cached: Cache) -> tuple[torch.Tensor, torch.Tensor]:
    """mean (C,) and scale (C,) that the latents are taken by; those of a model that is gone on with are as they are."""
    channels = cached.latents.shape[1]
    if recipe.start is not None:
        return torch.zeros(channels), torch.ones(channels)
    part = cached.latents[:4096].float()
    mean = part.mean((0, 2, 3))
    scale = (part - mean[:, None, None]).square().mean().sqrt()
    return mean, scale.expand(channels).clone()


def make_tokenizer(recipe: Recipe) -> Path:
    """The folder of the tokenizer: that of the model gone on with, or learnt once from captions and English words."""
    folder = recipe.work / "tokenizer"
    begun = start_folder(recipe)
    if begun:
        return begun / "tokenizer"
    if not (folder / "tokenizer_config.json").exists():
        known = packed(recipe)
        rng = np.random.default_rng(recipe.seed)
        scene = scenes.stream(known, 60 * len(known.nouns), recipe.seed, recipe.mix)
        said = [captions.caption(scene(number), known, rng) for number in range(60 * len(known.nouns))]
        tokenizer.save(folder, *tokenizer.learn(said + 3 * known.words, recipe.vocabulary))
    return folder


def build_denoiser(recipe: Recipe) -> tuple[Denoiser, CLIPTokenizer]:
    """As it stands before the first step: random, or that of the model gone on with."""
    words = tokenizer.load(make_tokenizer(recipe))
    begun = start_vae(recipe)
    factor = vae.factor(begun) * recipe.size // begun.config.sample_size if begun else recipe.vae.factor
    model = denoiser.build(
        recipe.denoiser,
        words.get_vocab(),
        side=recipe.size // factor,
        length=words.model_max_length,
        seed=recipe.seed,
    )
    folder = start_folder(recipe)
    if folder:
        denoiser.warm_start(model, folder)
    return model, words


def lesson(recipe: Recipe, words: CLIPTokenizer, report: Report, device: torch.device) -> Lesson:
    """What the denoiser is shown: latents, scaled, and captions. Keeps the scaling for the export."""
    cached = cache_latents(recipe, report, device)
    mean, scale = scaling(recipe, cached)
    checkpoint.store(recipe.work / SCALING, {"mean": mean, "scale": scale}, {})
    known = packed(recipe)
    cached = recombined.extended(cached, recipe.recombined, known, recipe.seed)
    shape = (1, -1, 1, 1)
    scaled = ((cached.latents.float() - mean.view(shape)) / scale.view(shape)).half()
    said = []
    for number, scene in enumerate(cached.scenes):
        rng = np.random.default_rng((recipe.seed, 13, number))
        said += [captions.caption(scene, known, rng) for _ in range(recipe.captions)]
    tokens = torch.tensor(tokenizer.numbers(words, said), dtype=torch.int32)
    return Lesson(latents=scaled, tokens=tokens.reshape(len(cached.scenes), recipe.captions, -1))


def train_denoiser(recipe: Recipe, report: Report, device: torch.device) -> None:
    model, words = build_denoiser(recipe)
    shown = lesson(recipe, words, report, device)
    sheets = _Sheets(recipe, model, words)

    def told(figures: dict[str, float]) -> bool:
        sheets.maybe(figures["seconds"])
        return report("denoiser", figures)

    denoiser.train(
        recipe.work / "denoiser.safetensors",
        recipe.denoiser,
        model,
        shown,
        Budget(minutes=recipe.denoiser_minutes, steps=recipe.denoiser_steps),
        device=device,
        seed=recipe.seed,
        report=told,
    )


def train_student(recipe: Recipe, report: Report, device: torch.device) -> None:
    """The denoiser that draws in a few steps, from the one that draws in twenty. Raises: KnownError without that."""
    model, words = build_denoiser(recipe)
    denoiser.load(recipe.work / "denoiser.safetensors", model)
    distill.train(
        recipe.work / "student.safetensors",
        recipe.distill,
        model,
        lesson(recipe, words, report, device),
        tokenizer.numbers(words, [""])[0],
        Budget(minutes=recipe.distill_minutes, steps=recipe.distill_steps),
        device=device,
        seed=recipe.seed,
        report=lambda figures: report("distill", figures),
    )


def sheet_prompts(known: Dataset) -> list[str]:
    """What sample sheets show: the first prompts of each kind that is scored, then places, paper and styles."""
    chosen = prompts.choose(known, limit=8)
    texts = [prompt.text for prompt in chosen if prompt.kind != "keywords"]
    names = [prompt.text for prompt in prompts.choose(known, limit=32) if prompt.kind == "names"][8:]
    extra = [f"{text} on the left" for text in names[:2]] + [f"a small {text.split(' ', 1)[-1]}" for text in names[2:4]]
    extra += [f"{text}, on a {paper} background" for text, paper in zip(names[4:], pictures.PASTELS, strict=False)]
    others = known.styles[1:] or known.styles
    extra += [f"{text}, {SETS[others[place % len(others)]].words[0]}" for place, text in enumerate(names[9:16])]
    return texts + extra


class _Sheets:
    """Draws a few prompts every recipe.sheet_minutes, with the averaged weights, into the work folder's samples.png."""

    def __init__(self, recipe: Recipe, model: Denoiser, words: CLIPTokenizer) -> None:
        self._recipe, self._model, self._words = recipe, model, words
        self._texts = sheet_prompts(packed(recipe))[::4]
        self._drawn_at: float | None = None

    def maybe(self, seconds: float) -> None:
        if self._drawn_at is None:
            self._drawn_at = seconds
        if seconds - self._drawn_at < 60 * self._recipe.sheet_minutes:
            return
        self._drawn_at = seconds
        coder = start_vae(self._recipe)
        if coder is None:
            coder = vae.trained(self._recipe.work / "vae.safetensors", self._recipe.vae, self._recipe.size)
            vae.fold(coder, **checkpoint.load(self._recipe.work / SCALING)[0])
        parts = (coder, self._model.unet_average, self._model.text_average, self._words, export.scheduler())
        drawn = list(Model(*parts, self._recipe.device).draw(self._texts, 1, Style()))
        made = sheet.grid(drawn, self._texts, columns=min(5, len(drawn)))
        made.save(self._recipe.work / "samples.png")


def unseen(recipe: Recipe, count: int) -> np.ndarray:
    """(count, 3, S, S) float32 in -1..1: pictures that no stage was shown."""
    known = packed(recipe)
    scene = scenes.stream(known, count, recipe.seed + 1000, recipe.mix)
    return pictures.to_unit(np.stack([scenes.draw(scene(number), known, recipe.size) for number in range(count)]))
