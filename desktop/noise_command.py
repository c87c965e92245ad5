"""The forward process on a picture, from the command line."""

import argparse

from desktop.errors import KnownError
from desktop.files import user_path, write_atomically
from desktop.library.library import open_library
from desktop.noising import as_pixels, model_schedule, scaled_values, seeded_noise
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
    schedule = model_schedule(open_library(folders).resolve(arguments.model))
    x_0 = scaled_values(open_picture(user_path(arguments.image)))
    x_t = schedule.noised(x_0, arguments.step, seeded_noise(arguments.seed, x_0.shape))
    write_atomically(out, png_bytes(Image.fromarray(as_pixels(x_t))))
    alpha, sigma = schedule.alpha[arguments.step], schedule.sigma[arguments.step]
    print(f"{out}")
    print(f"x_t = {alpha:.4f} x_0 + {sigma:.4f} eps, log SNR {schedule.log_snr[arguments.step]:.2f}")
    return 0
