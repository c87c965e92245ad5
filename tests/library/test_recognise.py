"""What a file is, told from its header: every family people have, by the names and shapes of its published weights."""

import dataclasses

import pytest

from desktop.errors import KnownError
from desktop.library.lora_header import matches, name_of
from desktop.library.recognise import default_prediction, recognise, require_model
from tests.headers import write_gguf, write_safetensors


def _prefixed(prefix, shapes):
    return {prefix + name: shape for name, shape in shapes.items()}


def original_unet(width=320, listens=768, *, channels=4, flat=False, pooled=None, deep=False):
    place = "input_blocks.4.1." if deep or pooled else "input_blocks.1.1."
    shapes = {
        "input_blocks.0.0.weight": (width, channels, 3, 3),
        "time_embed.0.weight": (4 * width, width),
        place + "proj_in.weight": (width, width) if flat else (width, width, 1, 1),
        place + "transformer_blocks.0.attn2.to_k.weight": (width, listens),
        "out.2.weight": (4, width, 3, 3),
    }
    if deep:
        shapes[place + "transformer_blocks.1.attn2.to_k.weight"] = (width, listens)
    if pooled:
        shapes["label_emb.0.0.weight"] = (4 * width, pooled)
    return shapes


def diffusers_unet(width=320, listens=768, *, channels=4, flat=False, pooled=None):
    place = "down_blocks.1.attentions.0."
    shapes = {
        "conv_in.weight": (width, channels, 3, 3),
        "time_embedding.linear_1.weight": (4 * width, width),
        place + "proj_in.weight": (width, width) if flat else (width, width, 1, 1),
        place + "transformer_blocks.0.attn2.to_k.weight": (width, listens),
        "conv_out.weight": (4, width, 3, 3),
    }
    if pooled:
        shapes["add_embedding.linear_1.weight"] = (4 * width, pooled)
    return shapes


def flux(width=3072, *, into=64, guided=True, **more):
    shapes = {
        "double_blocks.0.img_attn.qkv.weight": (3 * width, width),
        "img_in.weight": (width, into),
        "final_layer.linear.weight": (64, width),
    }
    return shapes | ({"guidance_in.in_layer.weight": (width, 256)} if guided else {}) | more


def diffusers_flux(width=3072, *, guided=True, **more):
    shapes = {
        "single_transformer_blocks.0.proj_mlp.weight": (4 * width, width),
        "x_embedder.weight": (width, 64),
        "proj_out.weight": (64, width),
    }
    guide = "time_text_embed.guidance_embedder.linear_1.weight"
    return shapes | ({guide: (width, 256)} if guided else {}) | more


def sd3(width, *, second=False, normed=False):
    shapes = {
        "joint_blocks.0.x_block.attn.qkv.weight": (3 * width, width),
        "x_embedder.proj.weight": (width, 16, 2, 2),
    }
    if second:
        shapes["joint_blocks.0.x_block.attn2.qkv.weight"] = (3 * width, width)
    if normed:
        shapes["joint_blocks.0.x_block.attn.ln_q.weight"] = (64,)
    return shapes


MODEL = "model.diffusion_model."
VAE = {"first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3)}
CLIP = {"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": (49408, 768)}
OPEN_CLIP = {"cond_stage_model.model.token_embedding.weight": (49408, 1024)}
XL_CLIP = {
    "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight": (49408, 768),
    "conditioner.embedders.1.model.token_embedding.weight": (49408, 1280),
}
REFINER_CLIP = {"conditioner.embedders.0.model.token_embedding.weight": (49408, 1280)}
SD3_CLIP = {
    "text_encoders.clip_l.transformer.text_model.embeddings.token_embedding.weight": (49408, 768),
    "text_encoders.clip_g.transformer.text_model.embeddings.token_embedding.weight": (49408, 1280),
    "text_encoders.t5xxl.transformer.shared.weight": (32128, 4096),
}
XL_UNET = original_unet(listens=2048, flat=True, pooled=2816)
REFINER_UNET = original_unet(384, 1280, flat=True, pooled=2560)

MODELS = {
    "1.x": (_prefixed(MODEL, original_unet()) | CLIP | VAE, "checkpoint", "stable-diffusion", "1"),
    "1.x inpainting": (
        _prefixed(MODEL, original_unet(channels=9)) | CLIP | VAE,
        "checkpoint",
        "stable-diffusion",
        "1-inpainting",
    ),
    "2.x": (
        _prefixed(MODEL, original_unet(listens=1024, flat=True)) | OPEN_CLIP | VAE,
        "checkpoint",
        "stable-diffusion",
        "2",
    ),
    "XL": (_prefixed(MODEL, XL_UNET) | XL_CLIP | VAE, "checkpoint", "stable-diffusion-xl", "base"),
    "XL refiner": (
        _prefixed(MODEL, REFINER_UNET) | REFINER_CLIP | VAE,
        "checkpoint",
        "stable-diffusion-xl",
        "refiner",
    ),
    "XL inpainting": (
        _prefixed(MODEL, original_unet(listens=2048, flat=True, pooled=2816, channels=9)) | XL_CLIP | VAE,
        "checkpoint",
        "stable-diffusion-xl",
        "inpainting",
    ),
    "3 medium": (_prefixed(MODEL, sd3(1536)) | SD3_CLIP | VAE, "checkpoint", "stable-diffusion-3", "3-medium"),
    "3.5 medium": (
        _prefixed(MODEL, sd3(1536, second=True, normed=True)),
        "transformer",
        "stable-diffusion-3",
        "3.5-medium",
    ),
    "3.5 large": (_prefixed(MODEL, sd3(2432, normed=True)), "transformer", "stable-diffusion-3", "3.5-large"),
    "FLUX dev": (flux(), "transformer", "flux", "dev"),
    "FLUX schnell": (flux(guided=False), "transformer", "flux", "schnell"),
    "FLUX fill": (flux(into=384), "transformer", "flux", "fill"),
    "FLUX depth": (flux(into=128), "transformer", "flux", "control"),
    "FLUX with everything": (_prefixed(MODEL, flux()) | SD3_CLIP | VAE, "checkpoint", "flux", "dev"),
    "FLUX in diffusers' names": (diffusers_flux(), "transformer", "flux", "dev"),
    "FLUX schnell in diffusers' names": (diffusers_flux(guided=False), "transformer", "flux", "schnell"),
    "Chroma": (
        flux(guided=False, **{"distilled_guidance_layer.in_proj.weight": (5120, 64)}),
        "transformer",
        "chroma",
        None,
    ),
    "FLUX.2": (
        flux(6144, **{"double_stream_modulation_img.lin.weight": (36864, 6144)}),
        "transformer",
        "flux-2",
        "dev",
    ),
    "FLUX.2 klein": (
        diffusers_flux(guided=False, **{"double_stream_modulation_img.linear.weight": (18432, 3072)}),
        "transformer",
        "flux-2",
        "klein",
    ),
    "Qwen-Image": (
        {
            "transformer_blocks.0.img_mod.1.weight": (18432, 3072),
            "txt_norm.weight": (3584,),
            "img_in.weight": (3072, 64),
            "proj_out.weight": (64, 3072),
        },
        "transformer",
        "qwen-image",
        None,
    ),
    "Z-Image": (
        {
            "noise_refiner.0.attention.qkv.weight": (11520, 3840),
            "context_refiner.0.attention.qkv.weight": (11520, 3840),
            "cap_pad_token": (1, 3840),
            "layers.0.attention_norm1.weight": (3840,),
        },
        "transformer",
        "z-image",
        None,
    ),
    "Lumina 2": (
        {
            "noise_refiner.0.attention.qkv.weight": (6912, 2304),
            "context_refiner.0.attention.qkv.weight": (6912, 2304),
            "layers.0.attention_norm1.weight": (2304,),
        },
        "transformer",
        "lumina-2",
        None,
    ),
    "Sana": (
        {
            "caption_norm.weight": (2240,),
            "transformer_blocks.0.ff.conv_depth.weight": (11200, 1, 3, 3),
            "patch_embed.proj.weight": (2240, 32, 1, 1),
        },
        "transformer",
        "sana",
        None,
    ),
    "PixArt": (
        {
            "adaln_single.linear.weight": (6912, 1152),
            "caption_projection.linear_1.weight": (1152, 4096),
            "pos_embed.proj.weight": (1152, 4, 2, 2),
        },
        "transformer",
        "pixart",
        None,
    ),
    "1.x U-Net alone": (diffusers_unet(), "unet", "stable-diffusion", "1"),
    "2.x U-Net alone": (diffusers_unet(listens=1024, flat=True), "unet", "stable-diffusion", "2"),
    "XL U-Net alone": (
        diffusers_unet(listens=2048, flat=True, pooled=2816),
        "unet",
        "stable-diffusion-xl",
        "base",
    ),
}


@pytest.mark.parametrize(("shapes", "kind", "family", "variant"), MODELS.values(), ids=MODELS)
def test_a_published_model_is_told_from_its_names_and_shapes(tmp_path, shapes, kind, family, variant):
    found = recognise(write_safetensors(tmp_path / "anything", shapes))
    assert (found.kind, found.family, found.variant) == (kind, family, variant)
    assert found.is_model
    assert found.dtypes == ("F16",)
    require_model(tmp_path, found)


def test_what_is_inside_a_whole_model_is_told(tmp_path):
    xl = recognise(write_safetensors(tmp_path / "a", MODELS["XL"][0]))
    assert (xl.text_encoders, xl.has_vae, xl.width) == (("clip-g", "clip-l"), True, 2048)
    three = recognise(write_safetensors(tmp_path / "b", MODELS["3 medium"][0]))
    assert three.text_encoders == ("clip-g", "clip-l", "t5")
    dev = recognise(write_safetensors(tmp_path / "c", MODELS["FLUX dev"][0]))
    assert (dev.text_encoders, dev.has_vae) == ((), False)
    bare = recognise(write_safetensors(tmp_path / "d", _prefixed(MODEL, original_unet())))
    assert (bare.kind, bare.layout) == ("unet", "original")


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ({"decoder.up_blocks.0.resnets.0.conv1.weight": (8, 8, 3, 3)}, "vae"),
        ({"decoder.up.0.block.0.conv1.weight": (8, 8, 3, 3)}, "vae"),
        ({"text_model.encoder.layers.0.mlp.fc1.weight": (8, 8)}, "text_encoder"),
        ({"encoder.block.0.layer.0.SelfAttention.q.weight": (8, 8)}, "text_encoder"),
        ({"control_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "controlnet"),
        (diffusers_unet() | {"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3)}, "controlnet"),
        ({"something.else.weight": (8, 8)}, "unknown"),
    ],
)
def test_what_is_no_model_is_told_and_refused_by_name(tmp_path, shapes, kind):
    path = write_safetensors(tmp_path / "part.safetensors", shapes)
    found = recognise(path)
    assert found.kind == kind
    with pytest.raises(KnownError, match="is no model but") as raised:
        require_model(path, found)
    assert raised.value.hint


def lora(prefix, names, *, rank=4, into=320, out=320, ends=("lora_down", "lora_up"), alpha=False):
    shapes = {}
    for name in names:
        name, sizes = name if isinstance(name, tuple) else (name, (into, out))
        shapes |= {
            f"{prefix}{name}.{ends[0]}.weight": (rank, sizes[0]),
            f"{prefix}{name}.{ends[1]}.weight": (sizes[1], rank),
        }
        if alpha:
            shapes[f"{prefix}{name}.alpha"] = ()
    return shapes


PEFT = ("lora_A", "lora_B")
BLOCK = "down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
TEXT = ("text_model_encoder_layers_0_self_attn_q_proj", (768, 768))
LORAS = {
    "1.x kohya": (
        lora("lora_unet_", [(BLOCK, (768, 320))], alpha=True) | lora("lora_te_", [TEXT]),
        ("stable-diffusion", "1", "kohya", ("text_encoder", "unet")),
    ),
    "2.x kohya": (lora("lora_unet_", [(BLOCK, (1024, 320))]), ("stable-diffusion", "2", "kohya", ("unet",))),
    "1.x peft": (
        lora("unet.", [("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", (768, 320))], ends=PEFT),
        ("stable-diffusion", "1", "peft", ("unet",)),
    ),
    "1.x before peft": (
        lora(
            "unet.",
            [("down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora", (768, 320))],
            ends=("down", "up"),
        ),
        ("stable-diffusion", "1", "peft", ("unet",)),
    ),
    "XL kohya": (
        lora("lora_unet_", [("input_blocks_4_1_transformer_blocks_1_attn2_to_k", (2048, 640))])
        | lora("lora_te1_", [TEXT])
        | lora("lora_te2_", [TEXT]),
        ("stable-diffusion-xl", "base", "kohya", ("text_encoder", "text_encoder_2", "unet")),
    ),
    "XL peft": (
        lora("unet.", [("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", (2048, 640))], ends=PEFT),
        ("stable-diffusion-xl", "base", "peft", ("unet",)),
    ),
    "FLUX kohya": (
        lora(
            "lora_unet_", [("single_blocks_0_linear1", (3072, 21504)), ("double_blocks_0_img_attn_proj", (3072, 3072))]
        ),
        ("flux", None, "kohya", ("transformer",)),
    ),
    "FLUX peft": (
        lora("transformer.", [("single_transformer_blocks.0.attn.to_q", (3072, 3072))], ends=PEFT),
        ("flux", None, "peft", ("transformer",)),
    ),
    "FLUX with original names": (
        lora("diffusion_model.", [("double_blocks.0.img_mlp.0", (3072, 12288))], ends=PEFT),
        ("flux", None, "peft", ("transformer",)),
    ),
    "FLUX.2": (
        lora("diffusion_model.", [("single_blocks.0.linear1", (6144, 55296))], ends=PEFT),
        ("flux-2", None, "peft", ("transformer",)),
    ),
    "3 peft": (
        lora("transformer.", [("transformer_blocks.0.ff_context.net.0.proj", (1536, 6144))], ends=PEFT),
        ("stable-diffusion-3", None, "peft", ("transformer",)),
    ),
    "Qwen-Image": (
        lora("transformer.", [("transformer_blocks.0.img_mlp.net.2", (12288, 3072))], ends=PEFT),
        ("qwen-image", None, "peft", ("transformer",)),
    ),
    "Z-Image": (
        lora("diffusion_model.", [("layers.0.attention.to_q", (3840, 3840))], ends=PEFT),
        ("z-image", None, "peft", ("transformer",)),
    ),
    "attention of FLUX.1 or FLUX.2": (
        lora("lora_unet_", [("double_blocks_0_img_attn_qkv", (3072, 9216))]),
        (None, None, "kohya", ("transformer",)),
    ),
    "names of several families": (
        lora("transformer.", [("transformer_blocks.0.attn.to_k", (64, 64))], ends=PEFT),
        (None, None, "peft", ("transformer",)),
    ),
}


@pytest.mark.parametrize(("shapes", "expected"), LORAS.values(), ids=LORAS)
def test_a_lora_is_told_with_its_family_layout_and_parts(tmp_path, shapes, expected):
    found = recognise(write_safetensors(tmp_path / "lora.safetensors", shapes))
    assert found.kind == "lora"
    assert (found.family, found.variant, found.layout, found.parts) == expected
    assert found.ranks == (4,)
    assert not found.is_model


def test_what_the_makers_wrote_into_a_lora_is_kept(tmp_path):
    notes = {
        "ss_output_name": "ink  drawing",
        "ss_sd_model_name": "base.safetensors",
        "modelspec.trigger_phrase": "in ink, hatched",
    }
    found = recognise(write_safetensors(tmp_path / "l", LORAS["1.x kohya"][0], metadata=notes))
    assert (found.title, found.base_model) == ("ink drawing", "base.safetensors")
    assert found.trigger_words == ("in ink", "hatched")


def test_a_lora_of_another_family_is_told_in_a_sentence(tmp_path):
    found = recognise(write_safetensors(tmp_path / "l", LORAS["FLUX peft"][0]))
    assert matches(found, "flux") is None
    told = matches(found, "stable-diffusion-xl")
    assert "FLUX.1" in told.message
    assert "Stable Diffusion XL" in told.message


def test_a_lora_is_left_to_be_tried_where_names_cannot_tell(tmp_path):
    found = recognise(write_safetensors(tmp_path / "l", LORAS["FLUX peft"][0]))
    assert matches(found, "chroma") is None  # the same names as FLUX.1
    assert matches(found, "general") is None
    unsure = recognise(write_safetensors(tmp_path / "m", LORAS["names of several families"][0]))
    assert matches(unsure, "stable-diffusion") is None


def test_a_lora_for_version_1_is_refused_for_version_2(tmp_path):
    found = recognise(write_safetensors(tmp_path / "l", LORAS["1.x kohya"][0]))
    assert matches(found, "stable-diffusion", width=768) is None
    assert "768" in matches(found, "stable-diffusion", width=1024).message


def test_a_lora_built_in_a_way_that_cannot_be_applied_is_refused(tmp_path):
    found = recognise(
        write_safetensors(tmp_path / "l", {"lora_unet_x.hada_w1_a": (4, 4), "lora_unet_x.hada_w1_b": (4, 4)})
    )
    assert (found.kind, found.method) == ("lora", "loha")
    assert "loha" in matches(found, "stable-diffusion").message


@pytest.mark.parametrize(
    "shapes",
    [
        {"lora_unet_x.lora_down.weight": (4, 8)},
        {"lora_unet_x.lora_up.weight": (8, 4)},
        {"lora_unet_x.lora_down.weight": (4, 8), "lora_unet_x.lora_up.weight": (8, 5)},
        {"lora_unet_x.lora_down.weight": (4,), "lora_unet_x.lora_up.weight": (8, 4)},
    ],
)
def test_a_lora_whose_halves_do_not_fit_is_damaged(tmp_path, shapes):
    with pytest.raises(KnownError, match="damaged"):
        recognise(write_safetensors(tmp_path / "l", shapes))


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"emb_params": (3, 768)}, ("stable-diffusion", "1", ("text_encoder",), 3, (768,))),
        ({"<sketch>": (768,)}, ("stable-diffusion", "1", ("text_encoder",), 1, (768,))),
        ({"emb_params": (1, 1024)}, ("stable-diffusion", "2", ("text_encoder",), 1, (1024,))),
        (
            {"clip_l": (2, 768), "clip_g": (2, 1280)},
            ("stable-diffusion-xl", None, ("text_encoder", "text_encoder_2"), 2, (768, 1280)),
        ),
    ],
)
def test_an_embedding_is_told_with_its_encoders_and_length(tmp_path, shapes, expected):
    found = recognise(write_safetensors(tmp_path / "e", shapes))
    assert found.kind == "embedding"
    assert (found.family, found.variant, found.parts, found.vectors, found.widths) == expected


def test_an_embedding_with_parts_of_two_lengths_is_damaged(tmp_path):
    with pytest.raises(KnownError, match="differ in length"):
        recognise(write_safetensors(tmp_path / "e", {"clip_l": (2, 768), "clip_g": (3, 1280)}))


def test_a_gguf_transformer_is_told_with_its_kinds_of_numbers(tmp_path):
    found = recognise(write_gguf(tmp_path / "q", flux(), dtype="Q4_K"))
    assert (found.kind, found.family, found.variant, found.layout) == ("transformer", "flux", "dev", "gguf")
    assert set(found.dtypes) <= {"Q4_K", "F32"}


def test_a_gguf_tensor_that_was_flattened_keeps_its_shape_as_a_note(tmp_path):
    shapes = sd3(1536, normed=True) | {"x_embedder.proj.weight": (1536, 64)}
    notes = {"general.architecture": "sd3", "comfy.gguf.orig_shape.x_embedder.proj.weight": (1536, 16, 2, 2)}
    found = recognise(write_gguf(tmp_path / "q", shapes, notes=notes))
    assert (found.family, found.width, found.in_channels) == ("stable-diffusion-3", 1536, 16)


def test_a_gguf_language_model_is_no_model(tmp_path):
    path = write_gguf(tmp_path / "q", {"blk.0.attn_q.weight": (64, 64)}, notes={"general.architecture": "t5"})
    assert recognise(path).kind == "text_encoder"


def test_what_version_2_predicts_is_v_unless_the_file_or_one_beside_it_says_otherwise(tmp_path):
    shapes = MODELS["2.x"][0]
    path = write_safetensors(tmp_path / "two.safetensors", shapes)
    assert default_prediction(recognise(path), path) == "v_prediction"
    (tmp_path / "two.yaml").write_text("model:\n  params:\n    linear_start: 0.00085\n")
    assert default_prediction(recognise(path), path) == "epsilon"
    (tmp_path / "two.yaml").write_text('model:\n  params:\n    parameterization: "v"\n')
    assert default_prediction(recognise(path), path) == "v_prediction"
    (tmp_path / "two.json").write_text('{"prediction_type": "epsilon"}')
    assert default_prediction(recognise(path), path) == "epsilon"
    (tmp_path / "two.json").write_text("[" * 5000)
    assert default_prediction(recognise(path), path) == "v_prediction"
    notes = {"modelspec.architecture": "stable-diffusion-v2-512"}
    said = write_safetensors(tmp_path / "said.safetensors", shapes, metadata=notes)
    assert default_prediction(recognise(said), said) == "epsilon"


def test_what_version_1_xl_and_transformers_predict(tmp_path):
    one = write_safetensors(tmp_path / "one", MODELS["1.x"][0])
    assert default_prediction(recognise(one), one) == "epsilon"
    marked = write_safetensors(tmp_path / "v", MODELS["XL"][0] | {"v_pred": (0,), "ztsnr": (0,)})
    assert default_prediction(recognise(marked), marked) == "v_prediction"
    assert recognise(marked).zero_snr
    dev = write_safetensors(tmp_path / "flux", MODELS["FLUX dev"][0])
    assert default_prediction(recognise(dev), dev) == "flow"


def test_every_kind_has_words(tmp_path):
    found = recognise(write_safetensors(tmp_path / "a", MODELS["XL"][0]))
    assert name_of(found) == "a whole model of Stable Diffusion XL"
    for kind in ("transformer", "unet", "lora", "embedding", "vae", "text_encoder", "controlnet", "unknown"):
        assert name_of(dataclasses.replace(found, kind=kind, family=None))
