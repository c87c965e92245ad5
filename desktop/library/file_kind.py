"""What a single file is, in the words the library and the engine share."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["checkpoint", "transformer", "unet", "lora", "embedding", "vae", "text_encoder", "controlnet", "unknown"]
Layout = Literal["original", "diffusers", "kohya", "peft", "gguf", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """What the header of one file says about it.

    family: one of the names in networks.FAMILY_TITLES, None where the names of its weights tell nothing.
    variant: of the family, such as "2", "refiner", "3.5-large", "schnell".
    names: of a GGUF file, of which layout the names in it are.
    bytes: of all weights. dtypes: what the numbers are, the most common first; quantised ones included.
    quantised: how, where that cannot be read: "scaled" into 8 bits with the scales beside them, as "bitsandbytes"
        does it, or "packed" into 4 bits; widths and channels may be other than the model's then.
    width: of the words a U-Net listens to (768 in Stable Diffusion 1.x), or of a transformer's own stream;
        None where that cannot be told.
    in_channels, out_channels: of the denoiser; 9 in means inpainting.
    depth: of the denoiser: a transformer's blocks and its blocks of a single stream; a U-Net's residual blocks and its
        transformer blocks on the way down.
    prefix: what stands before the denoiser's names in the file.
    text_encoders: those inside, of "clip-l", "clip-g", "open-clip-h", "t5". has_vae: whether a VAE is inside.
    prediction_type: "epsilon", "v_prediction" or "flow", as far as the file says so; default_prediction is used
        where it does not. zero_snr: whether the file says that it was trained on a zero terminal SNR.
    parts: what a LoRA or an embedding changes: "unet", "transformer", "text_encoder", "text_encoder_2", ...
    ranks: of a LoRA, ascending. method: how a LoRA is built: "lora", or "loha", "lokr" and such.
    vectors: of an embedding, the words it stands for. widths: of an embedding, one for each of its parts.
    title, base_model, trigger_words: what the makers wrote into the file; for showing only.
    """

    kind: Kind
    family: str | None = None
    variant: str | None = None
    layout: Layout = "unknown"
    names: Layout = "unknown"
    bytes: int = 0
    dtypes: tuple[str, ...] = ()
    quantised: Literal["scaled", "bitsandbytes", "packed"] | None = None
    width: int | None = None
    in_channels: int | None = None
    out_channels: int | None = None
    depth: tuple[int, ...] = ()
    prefix: str = ""
    text_encoders: tuple[str, ...] = ()
    has_vae: bool = False
    prediction_type: str | None = None
    zero_snr: bool = False
    parts: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    method: str | None = None
    vectors: int = 0
    widths: tuple[int, ...] = ()
    title: str | None = None
    base_model: str | None = None
    trigger_words: tuple[str, ...] = ()

    @property
    def is_model(self) -> bool:
        """Whether pictures can be made from it, alone or with a base model's folder."""
        return self.kind in ("checkpoint", "transformer", "unet")

    @property
    def in_diffusers_names(self) -> bool:
        """Whether its denoiser has the names that diffusers gives its weights; the original repository's otherwise."""
        return "diffusers" in (self.layout, self.names)
