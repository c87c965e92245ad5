"""Denoisers from GGUF files: read quantised as they are, and computed with so by diffusers.

diffusers' own reading of such files takes a file in its own names for one in the original names as soon as one weight
more or less is there, and knows not every class; so its quantiser is given a table here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.library import gguf_header

if TYPE_CHECKING:
    import torch


def read_gguf(path: Path, after: Callable[[int], None]) -> "dict[str, torch.Tensor]":
    """The tensors of a GGUF file, quantised as they are, those that ggml flattened in their own shape again.

    after(bytes) is called behind each; what it raises goes through.
    """
    import torch
    from diffusers.quantizers.gguf.utils import GGUFParameter, dequantize_gguf_tensor
    from gguf import GGMLQuantizationType, GGUFReader

    shapes = gguf_header.own_shapes(gguf_header.read(path))
    tensors = {}
    for entry in GGUFReader(path).tensors:
        tensor = torch.from_numpy(entry.data.copy())
        after(tensor.nbytes)
        if entry.tensor_type not in (GGMLQuantizationType.F32, GGMLQuantizationType.F16):
            tensor = GGUFParameter(tensor, quant_type=entry.tensor_type)
        if entry.name in shapes:
            tensor = dequantize_gguf_tensor(tensor).reshape(shapes[entry.name])
        tensors[entry.name] = tensor
    return tensors


def assign(model: Any, tensors: "dict[str, torch.Tensor]", dtype: "torch.dtype") -> None:
    """Give a network without values its weights: matrices stay quantised, everything else is widened to dtype.

    tensors: by the network's own names. Raises ValueError for one that is shaped otherwise.
    """
    from diffusers import GGUFQuantizationConfig
    from diffusers.models.model_loading_utils import load_model_dict_into_meta
    from diffusers.quantizers.auto import DiffusersAutoQuantizer
    from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor
    from torch import nn

    matrices = {f"{name}.weight" for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    tensors = {name: t if name in matrices else dequantize_gguf_tensor(t) for name, t in tensors.items()}
    quantiser = DiffusersAutoQuantizer.from_config(GGUFQuantizationConfig(compute_dtype=dtype))
    quantiser.preprocess_model(model=model, device_map=None, state_dict=tensors, keep_in_fp32_modules=[])
    load_model_dict_into_meta(
        model, tensors, dtype=dtype, device_map={"": "cpu"}, hf_quantizer=quantiser, keep_in_fp32_modules=[]
    )
    quantiser.postprocess_model(model)
    model.hf_quantizer = quantiser
