"""How deep the network is that a configuration describes, in the numbers that FileKind has for a file's."""

from collections.abc import Mapping
from typing import Any

from desktop.library.file_kind import FileKind


def is_as_deep(kind: FileKind, config: Mapping[str, Any]) -> bool:
    """Whether nothing speaks against it: numbers that the configuration does not tell are not compared.

    config: of the U-Net or transformer that the file may be.
    """
    told = _of_unet(config) if kind.kind == "unet" else _of_transformer(config)
    return all(ours is None or ours == theirs for ours, theirs in zip(told, kind.depth, strict=False))


def _of_transformer(config: Mapping[str, Any]) -> tuple[int | None, int | None]:
    return _whole(config.get("num_layers", config.get("n_layers"))), _whole(config.get("num_single_layers"))


def _of_unet(config: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """As UNet2DConditionModel reads it: one number for all blocks, or one for each, or of transformers one for each
    residual block in each. What old configurations leave out is 2 and 1 there.
    """
    kinds = config.get("down_block_types")
    if not isinstance(kinds, list):
        return None, None
    residual, transformer = 0, 0
    for place, kind in enumerate(kinds):
        layers = _whole(_at(config.get("layers_per_block", 2), place))
        depth = _at(config.get("transformer_layers_per_block", 1), place)
        each = [depth] * layers if type(depth) is int and layers is not None and layers <= _LAYERS_MAX else depth
        if kind not in ("DownBlock2D", "CrossAttnDownBlock2D") or not isinstance(each, list) or layers != len(each):
            return None, None
        if not all(type(count) is int for count in each):
            return None, None
        residual += layers
        transformer += sum(each) if kind == "CrossAttnDownBlock2D" else 0
    return residual, transformer


_LAYERS_MAX = 1000  # far above any; a number of a damaged configuration would take the memory


def _at(value: Any, place: int) -> Any:
    if not isinstance(value, list):
        return value
    return value[place] if place < len(value) else None


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None
