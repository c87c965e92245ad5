"""The forward process on a picture, from the command line."""

import argparse
from pathlib import Path

import numpy as np

from desktop.engine.families.folder import open_folder
from desktop.engine.forward import schedule_of
from desktop.errors import KnownError
from desktop.files import user_path, write_atomically
from desktop.library.library import open_library
from desktop.settings import Folders
from desktop.store.picture_file import open_picture, png_bytes


def main(folders: Folders, arguments: argparse.Namespace) -> int:
    """Writes x_t of the picture at a timestep of the model's schedule; returns the exit status. Raises KnownError."""
    from PIL import Image

    if not 0 <= arguments.seed < 2**63:
        raise KnownError(f"The seed is {arguments.seed}", f"Use a whole number from 0 to {2**63 - 1}.")
    out = user_path(arguments.out).absolute()
    if out.suffix.lower() != ".png":
        raise KnownError(f"{out.name} does not end in .png", "Noise keeps its values in a PNG only; name one.")
    info = open_library(folders).resolve(arguments.model)
    schedule = schedule_of(open_folder(Path(info.path)).configs.get("scheduler", {}))
    x_0 = np.asarray(open_picture(user_path(arguments.image)), np.float64) / 127.5 - 1
    noise = np.random.default_rng(arguments.seed).standard_normal(x_0.shape)
    x_t = schedule.noised(x_0, arguments.step, noise)
    pixels = ((x_t + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
    write_atomically(out, png_bytes(Image.fromarray(pixels)))
    alpha, sigma = schedule.alpha[arguments.step], schedule.sigma[arguments.step]
    print(f"{out}")
    print(f"x_t = {alpha:.4f} x_0 + {sigma:.4f} eps, log SNR {schedule.log_snr[arguments.step]:.2f}")
    return 0
