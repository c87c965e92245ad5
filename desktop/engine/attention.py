"""Which part of a picture each word of the prompt drew: cross-attention, recorded while a run goes on.

DAAM, Tang et al. 2022 (arXiv 2210.04885): in every cross-attention layer each place of the picture spreads the weight
softmax(q k^T / sqrt(d)) over the prompt's tokens. Averaged over heads, layers and steps, a token's weights are a map of
where it was heard. The weights are computed beside the layer's own attention, which is left as it is.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop.errors import KnownError
from desktop.messages import GenerationRequest, ModelInfo, WordHeat
from desktop.prompt_words import words_of

if TYPE_CHECKING:
    import torch

    from desktop.engine.families import LoadedModel
    from desktop.engine.tape import State

FAMILIES = ("stable-diffusion", "stable-diffusion-xl")  # whose networks hear the prompt in layers of its own
SIDE_MAX = 256  # pixels of a heat map's longer side; the layers themselves are coarser
BYTES_MAX = 32 * 2**20  # of the weights that are held at once


def check_attends(info: ModelInfo) -> None:
    """Raises KnownError where the model has no layers that listen to the words alone."""
    if info.family not in FAMILIES:
        raise KnownError(
            f"{info.title} has no cross-attention of its own to show, as its network mixes words and picture otherwise",
            "It can be shown for pictures of Stable Diffusion 1, 2 and XL, and of the built-in model.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTokens:
    """A word of the prompt, and which of the text encoder's tokens it became."""

    text: str
    start: int
    tokens: tuple[int, ...]


class CrossAttention:
    """Records one run; of the engine's thread only. A run that is paused and goes on goes on being recorded.

    Only the half of a guidance batch that hears the prompt counts, and only steps that are taken: those a branch
    shares with its trunk heard the trunk's prompt.
    Attributes: words, those the model read; unread, those beyond what its text encoder reads. Both once a step is done.
    """

    def __init__(self) -> None:
        self.words: tuple[WordTokens, ...] = ()
        self.unread: tuple[str, ...] = ()
        self._sums: dict[tuple[int, int], torch.Tensor] = {}  # by a layer's height and width: (height * width, tokens)
        self._layers = 0  # how many layers' weights are in them
        self._counted = -1  # the index of the last state whose step is in them
        self._latents = (0, 0)
        self._pending: list[tuple[tuple[int, int], torch.Tensor]] = []  # of the network's latest run
        self._size = (0, 0)
        self._pipeline: Any = None
        self._prompt = ""

    def covers(self, index: int) -> bool:
        """Whether a run that goes on from the state of this index leaves no gap in what is recorded."""
        return index <= self._counted + 1

    @contextmanager
    def watching(self, model: "LoadedModel", request: GenerationRequest) -> Iterator[None]:
        """Listen to the model inside the block; afterwards nothing is left on it. Raises KnownError."""
        from desktop.engine.pipeline import task_of

        check_attends(model.info)
        self._pipeline, self._prompt = model.pipelines[task_of(request)], request.prompt
        self._size = request.height, request.width
        unet = self._pipeline.unet
        handles = [unet.register_forward_pre_hook(self._on_network, with_kwargs=True)]
        for name, layer in unet.named_modules():
            if name.endswith("attn2"):
                handles.append(layer.register_forward_pre_hook(self._on_layer, with_kwargs=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            self._pending, self._pipeline = [], None

    def on_state(self, state: "State") -> None:
        """The network's latest run was for the step that is now taken from this state."""
        pending, self._pending = self._pending, []
        if state.index <= self._counted:  # a step that was interrupted, and is taken again
            return
        self._counted = state.index
        if not self.words and not self.unread:
            self.words, self.unread = self._tokens()
        for size, weights in pending:
            here = weights.cpu()
            self._sums[size] = self._sums[size] + here if size in self._sums else here
            self._layers += 1

    def token_maps(self, height: int, width: int) -> "torch.Tensor":
        """(tokens, height, width), float32: at every place the weights of all tokens, special ones too, sum to 1."""
        import torch

        maps: Any = 0
        for (rows, columns), total in self._sums.items():
            grid = total.t().reshape(1, -1, rows, columns)
            maps = maps + torch.nn.functional.interpolate(grid, (height, width), mode="bicubic")[0]
        return maps / self._layers

    def heats(self) -> tuple[WordHeat, ...]:
        """One map a word, in the prompt's order.

        A word's tokens are summed: the weights of all tokens share out 1, so the sum is the share of the picture's
        attention that the word had, however many pieces the tokenizer cut it into; a mean would make long words faint.
        """
        if not self._layers:
            return ()
        height, width = self._size
        shrink = min(1.0, SIDE_MAX / max(height, width))
        height, width = max(1, round(height * shrink)), max(1, round(width * shrink))
        maps = self.token_maps(height, width)
        return tuple(_heat(word, maps[list(word.tokens)].sum(0)) for word in self.words)

    def _on_network(self, network: Any, args: tuple, kwargs: dict) -> None:
        sample = args[0] if args else kwargs["sample"]
        self._latents = tuple(sample.shape[-2:])
        self._pending = []  # of a run that was for no step: it found out the shape of the network's answers

    def _on_layer(self, layer: Any, args: tuple, kwargs: dict) -> None:
        text = kwargs.get("encoder_hidden_states")
        if text is None:
            return
        hidden = args[0] if args else kwargs["hidden_states"]
        size = self._size_of(hidden.shape[1])
        self._pending.append((size, weights_of(layer, hidden[-1:], text[-1:], kwargs.get("attention_mask"))))

    def _size_of(self, places: int) -> tuple[int, int]:
        """The height and width of a layer with so many places: the latents', halved until they fit."""
        height, width = self._latents
        while height * width > places:
            height, width = math.ceil(height / 2), math.ceil(width / 2)
        if height * width != places:
            raise KnownError("This model's layers have a shape that cannot be laid over a picture")
        return height, width

    def _tokens(self) -> tuple[tuple[WordTokens, ...], tuple[str, ...]]:
        pipeline = self._pipeline
        # The two encoders of XL read the same tokens, side by side; its refiner has the second only.
        tokenizer = getattr(pipeline, "tokenizer", None) or pipeline.tokenizer_2
        return words_and_tokens(self._prompt, tokenizer, pipeline.maybe_convert_prompt(self._prompt, tokenizer))


def weights_of(
    layer: Any, hidden: "torch.Tensor", text: "torch.Tensor", mask: "torch.Tensor | None" = None
) -> "torch.Tensor":
    """What a cross-attention layer's places make of the tokens: softmax(q k^T * scale), the mean of its heads.

    hidden: (1, places, width). text: (1, tokens, width). Returns (places, tokens), float32, on the layer's device.
    """
    import torch

    if layer.norm_cross:
        text = layer.norm_encoder_hidden_states(text)
    queries, keys = layer.to_q(hidden)[0], layer.to_k(text)[0]
    queries, keys = (part.unflatten(-1, (layer.heads, -1)).transpose(0, 1) for part in (queries, keys))
    if layer.norm_q is not None:
        queries = layer.norm_q(queries)
    if layer.norm_k is not None:
        keys = layer.norm_k(keys)
    heads, places, _ = queries.shape
    at_once = max(1, BYTES_MAX // (4 * places * keys.shape[1]))
    total = torch.zeros(places, keys.shape[1], device=queries.device)
    for first in range(0, heads, at_once):
        some = slice(first, first + at_once)
        scores = queries[some].float() @ keys[some].float().transpose(1, 2) * layer.scale
        if mask is not None:
            scores = scores + mask[-1].float()
        total += scores.softmax(-1).sum(0)
    return total / heads


def words_and_tokens(
    prompt: str, tokenizer: Any, written_out: str | None = None
) -> tuple[tuple[WordTokens, ...], tuple[str, ...]]:
    """(the prompt's words with the places of their tokens, the words beyond what is read).

    Start, end and padding belong to no word, nor do commas and their like.
    written_out: the prompt as the encoder gets it, where a word of several vectors is followed by its further ones.
    """
    written_out = prompt if written_out is None else written_out
    words = words_of(prompt)
    limit = tokenizer.model_max_length
    read = tokenizer(written_out, truncation=True, max_length=limit, return_offsets_mapping=True)
    known = tokenizer.added_tokens_encoder
    places: dict[int, list[int]] = {}
    owner, shift = None, 0
    for place, (start, end) in enumerate(read["offset_mapping"]):
        if end <= start:  # a special token stands for no letters
            continue
        text = written_out[start:end]
        if text in known and text.rpartition("_")[0] in known and text.rpartition("_")[2].isdigit():
            shift += end - start + 1  # a further vector, and the space before it
        else:
            owner = next((n for n, w in enumerate(words) if w.start < end - shift and start - shift < w.end), None)
        if owner is not None:
            places.setdefault(owner, []).append(place)
    found = tuple(
        WordTokens(text=word.text, start=word.start, tokens=tuple(places[n]))
        for n, word in enumerate(words)
        if n in places
    )
    return found, tuple(word.text for n, word in enumerate(words) if n not in places)


def _heat(word: WordTokens, share: "torch.Tensor") -> WordHeat:
    import torch

    low, high = float(share.min()), float(share.max())
    scaled = (share - low) / (high - low) if high > low else torch.zeros_like(share)
    height, width = share.shape
    values = scaled.mul(255).round_().to(torch.uint8).contiguous()
    return WordHeat(
        word=word.text, start=word.start, width=width, height=height, heat=values.numpy().tobytes(), low=low, high=high
    )
