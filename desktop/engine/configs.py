"""The packaged configurations: what a single file leaves out, so that it loads with no network."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.errors import KnownError
from desktop.files import CONFIG_MAX_BYTES, read_small
from desktop.library.file_kind import FileKind
from desktop.settings import RESOURCES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONFIGS = RESOURCES / "configs"
TOKENIZERS = CONFIGS / "tokenizers"


def config_for(kind: FileKind, prediction_type: str) -> Path | None:
    """The packaged folder of a model's family and variant; None where there is none.

    The folder has diffusers' layout without weights, and tokenizers.json in place of the tokenizers: several
    families share them.
    """
    variant = kind.variant or ""
    match kind.family:
        case "stable-diffusion" if variant.startswith("1"):
            name = "stable-diffusion-1"
        case "stable-diffusion":
            name = "stable-diffusion-2-base" if prediction_type == "epsilon" else "stable-diffusion-2"
        case "stable-diffusion-xl":
            name = "stable-diffusion-xl-refiner" if variant == "refiner" else "stable-diffusion-xl"
        case "stable-diffusion-3" if variant:
            name = f"stable-diffusion-{variant}"
        case "flux":
            name = "flux-schnell" if variant == "schnell" else "flux-dev"
        case _:
            return None
    return CONFIGS / name


def read_index(folder: Path) -> dict[str, Any]:
    return read_table(folder / "model_index.json")


def load_tokenizer(folder: Path, component: str, class_name: str) -> "PreTrainedTokenizerBase":
    """A tokenizer from the folder itself, or the packaged one that its tokenizers.json names."""
    import transformers

    own = folder / component
    if own.is_dir():
        where, changes = own, {}
    else:
        changes = dict(read_table(folder / "tokenizers.json").get(component, {}))
        where = TOKENIZERS / Path(str(changes.pop("from", ""))).name  # a name, never a way elsewhere
    try:
        return getattr(transformers, class_name).from_pretrained(str(where), local_files_only=True, **changes)
    except Exception as error:  # whatever is wrong with its files
        raise KnownError(f"The tokenizer in {where} cannot be loaded", "Install Safelight again.") from error


def read_table(path: Path) -> dict[str, Any]:
    """Raises KnownError where the file is missing or no JSON table."""
    try:
        table = json.loads(read_small(path, CONFIG_MAX_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise KnownError(f"The configuration {path} cannot be read", "Get the model again, whole.") from error
    if not isinstance(table, dict):
        raise KnownError(f"The configuration {path} is damaged", "Get the model again, whole.")
    return table
