"""The packaged configurations at small width, and files in the original layout with random weights for them."""

import inspect
import json
from pathlib import Path

from desktop.engine.configs import CONFIGS, load_tokenizer
from tests import original_layout as original

_CLIP_L = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
_CLIP_G = {"hidden_size": 24, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
_T5 = {"d_model": 48, "d_kv": 8, "d_ff": 32, "num_heads": 2, "num_layers": 2, "num_decoder_layers": 2}
_VAE = {"block_out_channels": [8, 8, 8, 8], "norm_num_groups": 4, "layers_per_block": 1, "sample_size": 64}
_UNET = {"sample_size": 8, "norm_num_groups": 4, "layers_per_block": 2}
_SD = {
    "unet": _UNET | {"block_out_channels": [8, 16, 16, 16], "cross_attention_dim": 16, "attention_head_dim": 2},
    "vae": _VAE,
    "text_encoder": _CLIP_L | {"projection_dim": 16},
}
_XL = {
    "block_out_channels": [8, 16, 16],
    "attention_head_dim": [1, 2, 2],
    "transformer_layers_per_block": [1, 1, 2],
    "cross_attention_dim": 40,
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + 24,
}
_SD3 = {
    "transformer": {
        "num_layers": 2,
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "joint_attention_dim": 48,
        "caption_projection_dim": 16,
        "pooled_projection_dim": 40,
        "pos_embed_max_size": 16,
        "sample_size": 8,
    },
    "vae": _VAE,
    "text_encoder": _CLIP_L | {"projection_dim": 16},
    "text_encoder_2": _CLIP_G | {"projection_dim": 24},
    "text_encoder_3": _T5,
}
_FLUX = {
    "transformer": {
        "num_layers": 2,
        "num_single_layers": 2,
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "axes_dims_rope": [4, 6, 6],
        "joint_attention_dim": 48,
        "pooled_projection_dim": 16,
    },
    "vae": _VAE,
    "text_encoder": _CLIP_L | {"projection_dim": 16},
    "text_encoder_2": _T5,
}
SMALL = {
    "stable-diffusion-1": _SD,
    "stable-diffusion-2": _SD,
    "stable-diffusion-2-base": _SD,
    "stable-diffusion-xl": {
        "unet": _UNET | _XL,
        "vae": _VAE,
        "text_encoder": _CLIP_L | {"projection_dim": 16},
        "text_encoder_2": _CLIP_G | {"projection_dim": 24},
    },
    "stable-diffusion-xl-refiner": {
        "unet": _UNET
        | _XL
        | {
            "block_out_channels": [8, 16, 16, 16],
            "attention_head_dim": [1, 2, 2, 2],
            "transformer_layers_per_block": 2,
            "cross_attention_dim": 24,
            "projection_class_embeddings_input_dim": 5 * 256 + 24,
            "addition_time_embed_dim": 256,
        },
        "vae": _VAE,
        "text_encoder_2": _CLIP_G | {"projection_dim": 24},
    },
    "stable-diffusion-3-medium": _SD3,
    "stable-diffusion-3.5-medium": _SD3 | {"transformer": _SD3["transformer"] | {"dual_attention_layers": [0]}},
    "stable-diffusion-3.5-large": _SD3,
    "flux-dev": _FLUX,
    "flux-schnell": _FLUX,
}


def write_small_config(name: str, folder: Path) -> Path:
    """The packaged folder `name` with small numbers in place of the published ones."""
    for path in sorted((CONFIGS / name).rglob("*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        if path.name == "config.json":
            table |= SMALL[name].get(path.parent.name, {})
        target = folder / path.relative_to(CONFIGS / name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(table))
    return folder


def build(config: Path, *, device: str = "cpu", seed: int = 0) -> dict:
    """Every network that the folder describes, with random weights; by the component's name."""
    import diffusers
    import torch
    import transformers

    torch.manual_seed(seed)
    networks = {}
    for name, entry in json.loads((config / "model_index.json").read_text()).items():
        if isinstance(entry, list) and entry[1] and (config / name / "config.json").is_file():
            cls = getattr({"diffusers": diffusers, "transformers": transformers}[entry[0]], entry[1])
            table = json.loads((config / name / "config.json").read_text())
            with torch.device(device):
                network = cls.from_config(table) if entry[0] == "diffusers" else cls(cls.config_class(**table))
            networks[name] = network.eval().requires_grad_(False)  # with it, some products go another way
    return networks


def original_tensors(networks: dict, config: Path) -> dict:
    """All networks of one model as one table in the original layout, as its makers publish it."""
    import torch

    states = {name: network.state_dict() for name, network in networks.items()}
    first = json.loads((config / "model_index.json").read_text())["_class_name"]
    tensors = original.prefixed("first_stage_model.", original.vae(states["vae"]))
    if "unet" in networks:
        layers = networks["unet"].config.layers_per_block
        tensors |= original.prefixed("model.diffusion_model.", original.unet(states["unet"], layers))
    elif first == "FluxPipeline":
        tensors |= original.prefixed("model.diffusion_model.", original.flux(states["transformer"]))
    else:
        tensors |= original.prefixed("model.diffusion_model.", original.stable_diffusion_3(states["transformer"]))
    encoders = {name: original.clip(s) for name, s in states.items() if name.startswith("text_encoder")}
    for name in [n for n in encoders if networks[n].config.model_type == "t5"]:
        shared = {k: t for k, t in states[name].items() if k != "encoder.embed_tokens.weight"}  # the same tensor
        tensors |= original.prefixed("text_encoders.t5xxl.transformer.", shared)
        del encoders[name]
    if first == "StableDiffusionPipeline" and "stable-diffusion-2" in str(config):
        joined = original.open_clip(states["text_encoder"]) | {"text_projection": torch.zeros(16, 16)}
        return tensors | original.prefixed("cond_stage_model.model.", joined)
    if first == "StableDiffusionPipeline":
        return tensors | original.prefixed("cond_stage_model.transformer.", encoders["text_encoder"])
    if "XL" in first:
        small, both = encoders.get("text_encoder"), "text_encoder" in encoders
        if small is not None:
            tensors |= original.prefixed("conditioner.embedders.0.transformer.", small)
        large = original.open_clip(states["text_encoder_2"])
        return tensors | original.prefixed(f"conditioner.embedders.{int(both)}.model.", large)
    for name, place in (("text_encoder", "clip_l"), ("text_encoder_2", "clip_g")):
        if name in encoders:
            tensors |= original.prefixed(f"text_encoders.{place}.transformer.", encoders[name])
    return tensors


def write_original(name: str, folder: Path) -> tuple[Path, Path, dict]:
    """The file, its small configuration and the networks it was made of."""
    import torch

    config = write_small_config(name, folder / name)
    networks = build(config)
    first = networks.get("text_encoder")
    if name.startswith("stable-diffusion-3"):  # published without it; diffusers puts the identity there
        first.text_projection.weight = torch.nn.Parameter(torch.eye(16))
    path = original.write(folder / f"{name}.safetensors", original_tensors(networks, config))
    return path, config, networks


def write_quantised(path: Path, tensors: dict) -> Path:
    """A GGUF file as converters write it: matrices in eight bits, the rest in full."""
    import gguf

    writer = gguf.GGUFWriter(path, "flux")
    for name, tensor in tensors.items():
        data = tensor.float().numpy()
        fits = data.ndim == 2 and data.shape[-1] % 32 == 0
        kind = gguf.GGMLQuantizationType.Q8_0 if fits else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def diffusers_pipeline(config: Path, networks: dict):
    """The pipeline diffusers itself makes of the networks, to compare with."""
    import diffusers

    index = json.loads((config / "model_index.json").read_text())
    parts = dict(networks)
    for name, entry in index.items():
        if isinstance(entry, list) and name not in parts:
            _, cls = entry
            if cls is None:
                parts[name] = None
            elif "Tokenizer" in cls:
                parts[name] = load_tokenizer(config, name, cls)
            else:
                parts[name] = getattr(diffusers, cls).from_pretrained(config / name, local_files_only=True)
    parts |= {k: v for k, v in index.items() if isinstance(v, bool)}
    made = getattr(diffusers, index["_class_name"])(**parts)
    made.set_progress_bar_config(disable=True)
    return made


def let_flux_be_small(width: int = 32) -> None:
    """diffusers' conversion of FLUX knows one width only, 3072, written into the function; put another there."""
    from diffusers.loaders import single_file_model, single_file_utils

    name = "convert_flux_transformer_checkpoint_to_diffusers"
    source = inspect.getsource(getattr(single_file_utils, name))
    assert "inner_dim = 3072" in source
    space = dict(vars(single_file_utils))
    exec(source.replace("inner_dim = 3072", f"inner_dim = {width}"), space)
    single_file_model.SINGLE_FILE_LOADABLE_CLASSES["FluxTransformer2DModel"]["checkpoint_mapping_fn"] = space[name]


def draw(pipeline, steps=2, **arguments):
    """One picture of 64x64 in a step or two, as a (1, 3, 64, 64) tensor; the same for the same weights."""
    import torch

    if "Img2Img" in type(pipeline).__name__:
        arguments |= {"image": torch.linspace(0, 1, 3 * 64 * 64).reshape(1, 3, 64, 64), "strength": 1.0}
    else:
        arguments |= {"width": 64, "height": 64}
    generator = torch.Generator("cpu").manual_seed(1)
    with torch.no_grad():
        return pipeline(
            "a red apple",
            num_inference_steps=steps,
            generator=generator,
            output_type="pt",
            return_dict=False,
            **arguments,
        )[0].clone()
