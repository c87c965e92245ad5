"""Textual inversion embeddings: words of a model's own that a file brings, added and taken away without a trace.

The text encoder's table of words is never written to. A longer one stands in for it while words are there, and the
tokenizer is a copy that knows them; taking the last word away puts both originals back.
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.errors import KnownError
from desktop.library.file_kind import FileKind
from desktop.library.lora_header import name_of
from desktop.library.networks import FAMILY_TITLES
from desktop.library.recognise import recognise

if TYPE_CHECKING:
    import torch

# Where each part of a file goes, and how files name it; the only tensor of a one-part file goes to the first.
_PARTS = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
_WORD = re.compile(r"[^\s,()\[\]{}|\\]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """An embedding's file and the word that calls it up; where word is None, the file's name without its ending."""

    path: Path
    word: str | None = None


@dataclass(slots=True)
class _Encoder:
    """A text encoder with its tokenizer, as they were before any word was added."""

    network: Any
    tokenizer: Any
    table: "torch.nn.Parameter"
    eos: int | None = None  # what the network took for the end, where that had to be changed


class Embeddings:
    """The embeddings of one model. One object for all pipelines that share its text encoders; the engine's thread only.

    pipelines: every one of them; each gets the tokenizer that knows the words. Attributes: words, by file, as they have
    to stand in a prompt.
    """

    def __init__(self, pipelines: Iterable[Any]) -> None:
        self._pipelines = tuple(pipelines)
        self._wanted: tuple[Embedding, ...] = ()
        self._encoders: dict[str, _Encoder] = {}
        self.words: dict[Path, str] = {}
        for name in _PARTS:
            network = getattr(self._pipelines[0], name, None)
            tokenizer = getattr(self._pipelines[0], name.replace("text_encoder", "tokenizer"), None)
            if network is not None and tokenizer is not None:
                table = network.get_input_embeddings().weight
                self._encoders[name] = _Encoder(network, tokenizer, table)

    def apply(self, wanted: Sequence[Embedding]) -> None:
        """Make exactly these words known. Raises KnownError, naming the file, and leaves everything as it was."""
        wanted = tuple(wanted)
        if wanted == self._wanted:
            return
        words: dict[Path, str] = {}
        vectors: dict[str, dict[str, torch.Tensor]] = {name: {} for name in self._encoders}
        for embedding in wanted:
            word = self._word(embedding, set(words.values()))
            words[embedding.path] = word
            for part, rows in self._read(embedding.path).items():
                vectors[part][word] = rows
        tokenizers = {name: _taught(name, encoder, vectors[name]) for name, encoder in self._encoders.items()}
        for name, encoder in self._encoders.items():  # from here on nothing can fail
            _fill(encoder, vectors[name])
            for pipeline in self._pipelines:
                setattr(pipeline, name.replace("text_encoder", "tokenizer"), tokenizers[name])
        self._wanted, self.words = wanted, words

    def clear(self) -> None:
        """Take all words away."""
        self.apply(())

    def _word(self, embedding: Embedding, taken: set[str]) -> str:
        word = embedding.word or embedding.path.stem
        if not _WORD.fullmatch(word) or len(word) > 100:
            word = re.sub(r"[^\w.<>-]+", "-", word)[:100].strip("-") or "embedding"
        for encoder in self._encoders.values():
            if word in encoder.tokenizer.get_vocab():  # a word the model has already keeps its meaning
                word = f"<{word}>"
        if word in taken:
            raise KnownError(f"Two embeddings are called {word}", "Give one of them another name.")
        return word

    def _read(self, path: Path) -> "dict[str, torch.Tensor]":
        """The vectors of each text encoder, (vectors, width), in its precision and on its device."""
        from safetensors.torch import load_file

        kind = recognise(path)
        if kind.kind != "embedding":
            raise KnownError(f"{path} is no embedding but {name_of(kind)}", "Give a textual inversion embedding.")
        tensors = load_file(str(path))
        found = {}
        for part in kind.parts:
            encoder = self._encoders.get(part)
            name = _PARTS.get(part)
            rows = tensors[name] if name in tensors else next(iter(tensors.values()))
            rows = rows.reshape(-1, rows.shape[-1])
            if encoder is None or encoder.table.shape[1] != rows.shape[1]:
                raise _other_model(path, kind, {n: e.table.shape[1] for n, e in self._encoders.items()})
            found[part] = rows.to(encoder.table.dtype)
        if set(found) != set(self._encoders) and len(self._encoders) > 1 and len(found) == 1:
            raise _other_model(path, kind, {n: e.table.shape[1] for n, e in self._encoders.items()})
        return found


def _taught(name: str, encoder: _Encoder, vectors: "Mapping[str, torch.Tensor]") -> Any:
    """A copy of the encoder's tokenizer that knows the words; its own where there are none. Raises KnownError."""
    if not vectors:
        return encoder.tokenizer
    tokenizer = copy.deepcopy(encoder.tokenizer)
    # A word of several vectors is several tokens; diffusers writes them out, told by these endings.
    tokens = [word if n == 0 else f"{word}_{n}" for word, rows in vectors.items() for n in range(len(rows))]
    if len(tokenizer) != len(encoder.table) or tokenizer.add_tokens(tokens) != len(tokens):
        raise KnownError(
            f"The {name.replace('_', ' ')} cannot learn the words {', '.join(vectors)}"[:300],
            "Give the embeddings other names.",
        )
    return tokenizer


def _fill(encoder: _Encoder, vectors: "Mapping[str, torch.Tensor]") -> None:
    """Put the words' vectors behind the encoder's own table, or the very table back where there are none."""
    import torch

    inside = encoder.network.get_input_embeddings()
    where = inside.weight.device  # the network may have been moved in the meantime
    encoder.table.data = encoder.table.data.to(where)
    if vectors:
        rows = [encoder.table.data, *(rows.to(where) for rows in vectors.values())]
        inside.weight = torch.nn.Parameter(torch.cat(rows), requires_grad=False)
    else:
        inside.weight = encoder.table
    inside.num_embeddings = len(inside.weight)
    # Where published folders call the last token 2, CLIP takes the greatest number for the end of the prompt. A word
    # that was added has a greater one, so the true number stands there while words do.
    network = getattr(encoder.network, "text_model", encoder.network)
    if vectors and getattr(network, "eos_token_id", None) == 2:
        encoder.eos, network.eos_token_id = 2, encoder.tokenizer.eos_token_id
    elif not vectors and encoder.eos is not None:
        network.eos_token_id, encoder.eos = encoder.eos, None


def _other_model(path: Path, kind: FileKind, widths: Mapping[str, int]) -> KnownError:
    title = FAMILY_TITLES.get(kind.family or "")
    made_for = f" for {title}" if title else ""
    there = " and ".join(map(str, widths.values()))
    return KnownError(
        f"The embedding {path} was made{made_for} with a width of {' and '.join(map(str, kind.widths))}, and the text "
        f"encoders of this model have {there}",
        "Choose an embedding made for this model's family.",
    )
