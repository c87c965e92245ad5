"""A byte-pair vocabulary in CLIP's file format, learnt from the captions and from ordinary English words.

Every byte is in it, alone and at a word's end, so that any prompt can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from desktop.training import archive, checkpoint

WORDS_MAX = 32  # tokens of a prompt, its two marks counted; about 25 words
START, END = "<|startoftext|>", "<|endoftext|>"
_SUFFIX = "</w>"
_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # as CLIP's own


def learn(captions: Iterable[str], size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary (at most `size` entries, the two marks last) and merges. Same captions, same result."""
    learner = Tokenizer(models.BPE(end_of_word_suffix=_SUFFIX))
    learner.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, end_of_word_suffix=_SUFFIX, show_progress=False
    )
    learner.train_from_iterator(captions, trainer)
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    pieces = alphabet + [sign + _SUFFIX for sign in alphabet]
    merges = merges[: max(0, size - len(pieces) - 2)]
    pieces += [first + second for first, second in merges]
    ordered = list(dict.fromkeys([*pieces, START, END]))
    return {piece: number for number, piece in enumerate(ordered)}, merges


def save(folder: Path, vocabulary: dict[str, int], merges: list[tuple[str, str]], length: int = WORDS_MAX) -> None:
    """Write vocab.json, merges.txt and tokenizer_config.json into `folder`."""
    checkpoint.write_bytes(folder / "vocab.json", json.dumps(vocabulary, ensure_ascii=False).encode())
    lines = ["#version: 0.2", *(f"{first} {second}" for first, second in merges)]
    checkpoint.write_bytes(folder / "merges.txt", ("\n".join(lines) + "\n").encode())
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": length,
        "bos_token": START,
        "eos_token": END,
        "pad_token": END,
        "unk_token": END,
    }
    checkpoint.write_bytes(folder / "tokenizer_config.json", (json.dumps(settings, indent=2) + "\n").encode())


def load(folder: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def numbers(words: CLIPTokenizer, texts: list[str]) -> list[list[int]]:
    """The tokens of each prompt, cut or filled to the length that the text encoder takes."""
    return words(texts, padding="max_length", max_length=words.model_max_length, truncation=True)["input_ids"]


def english(work: Path) -> list[str]:
    """Names and keywords of every emoji: some thousands of ordinary words that prompts are made of."""
    names = json.loads(archive.member(archive.fetch(archive.UNICODE, work), "data-by-emoji.json"))
    keywords = json.loads(archive.member(archive.fetch(archive.EMOJILIB, work), "dist/emoji-en-US.json"))
    lines = [entry["name"] for entry in names.values()]
    return lines + [" ".join(words).replace("_", " ") for words in keywords.values()]
