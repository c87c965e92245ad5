"""All stages of the starter model, each going on from where its checkpoint in the work folder stands.

Work folder: the fetched archives, shelf.safetensors (pictures), vae.safetensors, tokenizer/, latents.safetensors and
denoiser.safetensors. Deleting a file makes its stage start over.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from desktop.engine.preview import PreviewMap
from desktop.training import captions, card, checkpoint, denoiser, export, pictures, previews, sheet, tokenizer, vae
from desktop.training.budget import Budget
from desktop.training.denoiser import Denoiser, DenoiserSettings, Lesson
from desktop.training.nouns import Noun
from desktop.training.vae import Shelf, VaeSettings

VIEW_STRENGTH = 0.5  # of the random views; stronger ones blurred what the denoiser learnt in the time it has
COLOURED_SHARE = 0.06  # of the views that lie on a pastel background, named in the caption


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is trained and for how long. nouns: with keywords; *_steps win over *_minutes and make a run repeatable."""

    work: Path
    nouns: tuple[Noun, ...]
    vae_minutes: float = 26.0
    vae_steps: int = 0
    denoiser_minutes: float = 78.0
    denoiser_steps: int = 0
    views: int = 40
    shelf_views: int = 6
    size: int = pictures.SIZE
    vocabulary: int = 4000
    seed: int = 1
    vae_settings: VaeSettings = field(default_factory=VaeSettings)
    denoiser_settings: DenoiserSettings = field(default_factory=DenoiserSettings)
    device: str = "cpu"


Report = Callable[[str, dict[str, float]], bool]  # stage, figures -> whether to go on


class Stopped(Exception):
    """A report asked to stop; the checkpoint is written."""


def shelf(recipe: Recipe) -> Shelf:
    """Every picture laid out once, the chosen ones shelf_views times; cached."""
    path = recipe.work / "shelf.safetensors"
    if path.exists():
        tensors, _ = checkpoint.load(path)
        return Shelf(laid=tensors["laid"].numpy(), favourites=tensors["favourites"].numpy())
    rng = np.random.default_rng(recipe.seed)
    chosen = {noun.emoji for noun in recipe.nouns}
    laid, favourites = [], []
    for name, data in sorted(pictures.load(recipe.work).items()):
        source = pictures.decode(data)
        for _ in range(recipe.shelf_views if name in chosen else 1):
            if name in chosen:
                favourites.append(len(laid))
            laid.append(pictures.lay(source, pictures.random_view(rng), recipe.size))
    made = Shelf(laid=np.stack(laid), favourites=np.array(favourites, np.int64))
    tensors = {"laid": torch.from_numpy(made.laid), "favourites": torch.from_numpy(made.favourites)}
    checkpoint.store(path, tensors, {})
    return made


def train_vae(recipe: Recipe, report: Report, device: torch.device) -> None:
    budget = Budget(minutes=recipe.vae_minutes, steps=recipe.vae_steps)
    stopped = []

    def tell(figures: dict[str, float]) -> bool:
        go_on = report("autoencoder", figures)
        stopped.extend([] if go_on else [True])
        return go_on

    path, settings = recipe.work / "vae.safetensors", recipe.vae_settings
    if (recipe.work / "latents.safetensors").exists():  # they are the encoder's: from here on only the decoder learns
        settings = replace(settings, frozen_from=0.0)
    vae.train(path, settings, shelf(recipe), budget, device=device, seed=recipe.seed, report=tell)
    if stopped:
        raise Stopped


def views(recipe: Recipe, count: int, seed: int) -> tuple[np.ndarray, list[list[str]]]:
    """(N, count, S, S, 3) uint8 and, of each, the name of its background ("" for white)."""
    sources = pictures.load(recipe.work)
    rng = np.random.default_rng((recipe.seed, seed))
    drawn = np.empty((len(recipe.nouns), count, recipe.size, recipe.size, 3), np.uint8)
    names: list[list[str]] = []
    for row, noun in enumerate(recipe.nouns):
        source = pictures.decode(sources[noun.emoji])
        names.append([])
        for column in range(count):
            view = pictures.random_view(rng, strength=VIEW_STRENGTH)
            background = str(rng.choice(list(pictures.PASTELS))) if rng.random() < COLOURED_SHARE else ""
            paper = pictures.PASTELS.get(background, pictures.WHITE)
            drawn[row, column] = pictures.onto(pictures.lay(source, view, recipe.size), paper)
            names[-1].append(background)
    return drawn, names


def trained_vae(recipe: Recipe) -> AutoencoderKL:
    """The autoencoder of the checkpoint, in its own latent units (not folded)."""
    tensors, _ = checkpoint.load(recipe.work / "vae.safetensors")
    model = vae.build(recipe.vae_settings, recipe.size)
    model.load_state_dict(checkpoint.under("vae", tensors))
    return model.eval()


def cache_latents(recipe: Recipe, report: Report) -> tuple[torch.Tensor, list[list[str]], dict[str, torch.Tensor]]:
    """Latents (N, V, 16, h, w) float16 of all views, scaled; their backgrounds; mean (16,) and scale (16,) used."""
    path = recipe.work / "latents.safetensors"
    if path.exists():
        tensors, counters = checkpoint.load(path)
        return tensors["latents"], counters["backgrounds"], {key: tensors[key] for key in ("mean", "scale")}
    model = trained_vae(recipe)
    drawn, backgrounds = views(recipe, recipe.views, seed=1)
    flat = drawn.reshape(-1, *drawn.shape[2:])
    parts = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(flat), 32):
            pixels = torch.from_numpy(pictures.to_unit(flat[start : start + 32]))
            parts.append(vae.encode_mean(model, pixels.to(memory_format=torch.channels_last)).float().contiguous())
            done = min(len(flat), start + 32)
            if not report("latents", {"samples": done, "step": done, "loss": 0.0, "seconds_left": 0.0}):
                raise Stopped
    latents = torch.cat(parts)
    mean = latents.mean((0, 2, 3))
    scale = (latents - mean[:, None, None]).square().mean().sqrt().expand(mean.shape).clone()
    scaled = ((latents - mean[:, None, None]) / scale[:, None, None]).half()
    tensors = {"latents": scaled.reshape(*drawn.shape[:2], *scaled.shape[1:]), "mean": mean, "scale": scale}
    checkpoint.store(path, tensors, {"backgrounds": backgrounds})
    return tensors["latents"], backgrounds, {"mean": mean, "scale": scale}


def make_tokenizer(recipe: Recipe) -> Path:
    """The folder of the tokenizer, learnt once from captions and English words."""
    folder = recipe.work / "tokenizer"
    if not (folder / "tokenizer_config.json").exists():
        rng = np.random.default_rng(recipe.seed)
        colours = list(pictures.PASTELS)
        said = [
            captions.caption(noun, rng, str(rng.choice(["", *colours]))) for noun in recipe.nouns for _ in range(60)
        ]
        vocabulary, merges = tokenizer.learn(said + 3 * tokenizer.english(recipe.work), recipe.vocabulary)
        tokenizer.save(folder, vocabulary, merges)
    return folder


def build_denoiser(recipe: Recipe) -> tuple[Denoiser, object]:
    words = tokenizer.load(make_tokenizer(recipe))
    side = recipe.size // 8
    model = denoiser.build(
        recipe.denoiser_settings,
        words.get_vocab(),
        side=side,
        length=words.model_max_length,
        seed=recipe.seed,
    )
    return model, words


def train_denoiser(recipe: Recipe, report: Report, device: torch.device) -> None:
    latents, backgrounds, _ = cache_latents(recipe, report)
    model, words = build_denoiser(recipe)
    remembered: dict[str, list[int]] = {}

    def tokens(thing: int, view: int, rng: np.random.Generator) -> list[int]:
        text = captions.caption(recipe.nouns[thing], rng, backgrounds[thing][view])
        if text not in remembered:
            found = words(text, padding="max_length", max_length=words.model_max_length, truncation=True)
            remembered[text] = found["input_ids"]
        return remembered[text]

    stopped = []

    def tell(figures: dict[str, float]) -> bool:
        go_on = report("denoiser", figures)
        stopped.extend([] if go_on else [True])
        return go_on

    denoiser.train(
        recipe.work / "denoiser.safetensors",
        recipe.denoiser_settings,
        model,
        Lesson(latents=latents, tokens=tokens),
        Budget(minutes=recipe.denoiser_minutes, steps=recipe.denoiser_steps),
        device=device,
        seed=recipe.seed,
        report=tell,
    )
    if stopped:
        raise Stopped


def assemble(recipe: Recipe) -> tuple[AutoencoderKL, Denoiser, object]:
    """The parts to export, from whatever checkpoints there are; untrained ones where there are none."""
    model, words = build_denoiser(recipe)
    if (recipe.work / "denoiser.safetensors").exists():
        denoiser.load(recipe.work / "denoiser.safetensors", model)
    if (recipe.work / "vae.safetensors").exists():
        coder = trained_vae(recipe)
        if (recipe.work / "latents.safetensors").exists():
            tensors, _ = checkpoint.load(recipe.work / "latents.safetensors")
            vae.fold(coder, tensors["mean"], tensors["scale"])
    else:
        coder = vae.build(recipe.vae_settings, recipe.size)
    return coder, model, words


def export_model(recipe: Recipe, folder: Path) -> int:
    """Write the model as it stands to `folder`, with a sheet of drawings and the card; returns its bytes.
    Raises: KnownError as export.write.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    coder, model, words = assemble(recipe)
    total = export.write(folder, coder, model, words, _preview_map(recipe, coder))
    pipe = export.pipeline(coder, model.unet_average, model.text_average, words)
    drawn = draw(pipe, recipe.nouns, seed=1)
    sheet_bytes = io.BytesIO()
    labels = [noun.name for noun in recipe.nouns]
    sheet.grid(drawn, labels, columns=min(13, len(labels))).save(sheet_bytes, "WEBP", quality=80)
    checkpoint.write_bytes(folder / "samples.webp", sheet_bytes.getvalue())
    judged = folder / "judged.json"
    unnamed = json.loads(judged.read_text("utf-8"))["unnamed"] if judged.exists() else None
    text = card.render(recipe.nouns, figures(recipe, coder, total), unnamed)
    checkpoint.write_bytes(folder / "README.md", text.encode())
    return total


def _preview_map(recipe: Recipe, coder: AutoencoderKL) -> PreviewMap | None:
    """From the latents the denoiser learnt from, where there are some."""
    path = recipe.work / "latents.safetensors"
    if not path.exists():
        return None
    latents = checkpoint.load(path)[0]["latents"]
    return previews.fit(coder, latents.reshape(-1, *latents.shape[2:]))


def draw(pipe: StableDiffusionPipeline, nouns: Sequence[Noun], *, seed: int, batch: int = 8) -> list[np.ndarray]:
    """One (S, S, 3) uint8 picture of each noun from its plain caption, all from one seed, with the card's settings."""
    drawn = []
    for start in range(0, len(nouns), batch):
        said = [captions.plain(noun) for noun in nouns[start : start + batch]]
        found = pipe(
            said,
            num_inference_steps=card.STEPS,
            guidance_scale=card.GUIDANCE,
            generator=[torch.Generator().manual_seed(seed) for _ in said],
            output_type="np",
        )
        drawn += list(np.rint(found.images * 255).astype(np.uint8))
    return drawn


def figures(recipe: Recipe, coder: AutoencoderKL, total: int) -> card.Figures:
    """What the checkpoints say of the run; zeros for what is not trained yet."""
    counted = []
    for name in ("vae", "denoiser"):
        path = recipe.work / f"{name}.safetensors"
        counters = checkpoint.load(path)[1] if path.exists() else {"samples": 0, "seconds": 0.0, "loss": 0.0}
        counted.append(counters)
    drawn, _ = views(recipe, 1, seed=2)
    unit = torch.from_numpy(pictures.to_unit(drawn[:, 0]))
    with torch.no_grad():
        back = torch.cat([coder.decode(coder.encode(part).latent_dist.mean).sample for part in unit.split(8)])
    processors = f"{os.cpu_count()} cores of a processor, without a graphics card"
    return card.Figures(
        vae_samples=counted[0]["samples"],
        vae_minutes=counted[0]["seconds"] / 60,
        vae_loss=counted[0]["loss"],
        psnr_db=vae.psnr(back, unit),
        denoiser_samples=counted[1]["samples"],
        denoiser_minutes=counted[1]["seconds"] / 60,
        denoiser_loss=counted[1]["loss"],
        machine=processors if recipe.device == "cpu" else torch.cuda.get_device_name(recipe.device),
        bytes=total,
    )


def run(recipe: Recipe, folder: Path, report: Report) -> int:
    """Every stage to its end, then the export; returns the model's bytes. Raises: Stopped, KnownError."""
    device = torch.device(recipe.device)
    train_vae(recipe, report, device)
    train_denoiser(recipe, report, device)
    return export_model(recipe, folder)


class Printer:
    """Prints a line every `every` seconds: stage, samples, loss, samples a second, time left."""

    def __init__(self, every_seconds: float = 15.0) -> None:
        self._every = every_seconds
        self._at = 0.0
        self._samples = 0.0
        self._stage = ""

    def __call__(self, stage: str, figures: dict[str, float]) -> bool:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._at, self._samples = stage, now, figures["samples"]
        elif now - self._at >= self._every:
            pace = (figures["samples"] - self._samples) / (now - self._at)
            left = figures["seconds_left"]
            print(
                f"{stage}: {int(figures['samples'])} samples, loss {figures['loss']:.4f}, {pace:.1f} samples/s, "
                f"{int(left // 60)} min {int(left % 60):02d} s left",
                flush=True,
            )
            self._at, self._samples = now, figures["samples"]
        return True
