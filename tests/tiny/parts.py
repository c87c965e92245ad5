"""Text encoders, tokenizers and autoencoders that several designs share, at small width."""

from tests.models import STARTER

WIDTH = 32  # of the text encoders' states
SIDE = 32  # of the pictures, in pixels


def clip_tokenizer():
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(STARTER / "tokenizer", local_files_only=True)


def clip_text(tokenizer, *, projected: bool = False, width: int = WIDTH):
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def clip_vision(width: int = WIDTH):
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    return CLIPVisionModelWithProjection(config)


def clip_images():
    from transformers import CLIPImageProcessorPil

    return CLIPImageProcessorPil(crop_size=32, size=32)


def t5_tokenizer(length: int = 32):
    from transformers import T5Tokenizer

    letters = [(letter, -3.0) for letter in "▁abcdefghijklmnopqrstuvwxyz,.-"]
    words = [(f"▁{word}", -2.0) for word in ("a", "red", "apple", "on", "white", "of", "the")]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *letters, *words]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=length)


def t5_text(tokenizer, width: int = WIDTH):
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=len(tokenizer) + 4,
        d_model=width,
        d_kv=8,
        d_ff=37,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config)


_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_letters() -> list[str]:
    """The 256 letters that byte-level tokenizers write bytes as."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [n for n in range(256) if n not in kept]
    return [chr(n) for n in kept] + [chr(256 + place) for place in range(len(rest))]


def qwen_tokenizer():
    from transformers import Qwen2Tokenizer

    vocabulary = {letter: place for place, letter in enumerate(byte_letters())}
    for special in ("<|endoftext|>", "<|im_start|>", "<|im_end|>"):
        vocabulary[special] = len(vocabulary)
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], model_max_length=2048)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = _CHAT
    return tokenizer


def qwen3_text(tokenizer, *, causal: bool, layers: int = 3, width: int = WIDTH):
    from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3Model

    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=2048,
    )
    return (Qwen3ForCausalLM if causal else Qwen3Model)(config)


def gemma_tokenizer():
    from transformers import GemmaTokenizer

    vocabulary = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4, "▁": 5}
    for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.-0123456789:;'\"()<>_\n":
        vocabulary[letter] = len(vocabulary)
    return GemmaTokenizer(vocab=vocabulary, merges=[], model_max_length=300)


def gemma_text(tokenizer, width: int = WIDTH):
    from transformers import Gemma2Config, Gemma2Model

    config = Gemma2Config(
        vocab_size=len(tokenizer) + 8,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=1024,
        sliding_window=64,
    )
    return Gemma2Model(config)


def kl_autoencoder(channels: int, *, levels: int = 2, quant: bool = True, **options):
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=channels,
        block_out_channels=(8,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        norm_num_groups=4,
        sample_size=SIDE,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
        **options,
    )


def flow_schedule(**options):
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**options)
