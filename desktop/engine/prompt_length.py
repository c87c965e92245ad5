"""How much of a prompt a model reads."""

from typing import Any

_READS_MORE = ("T5", "Qwen", "Gemma", "Llama", "Mistral")  # long enough for any prompt people write


def left_out(pipeline: Any, prompt: str) -> str:
    """The end of the prompt that no text encoder of the pipeline gets to see; empty where all of it is read.

    CLIP cuts after 77 tokens and says nothing. Where a longer-reading encoder is beside it, nothing is lost.
    """
    tokenizers = [getattr(pipeline, name, None) for name in ("tokenizer", "tokenizer_2", "tokenizer_3")]
    tokenizers = [tokenizer for tokenizer in tokenizers if tokenizer is not None]
    if not tokenizers or any(type(tokenizer).__name__.startswith(_READS_MORE) for tokenizer in tokenizers):
        return ""
    return min((_end_of(tokenizer, prompt) for tokenizer in tokenizers), key=len)


def _end_of(tokenizer: Any, prompt: str) -> str:
    limit = tokenizer.model_max_length
    if not isinstance(limit, int) or limit > 100_000:  # transformers' way to say that there is none
        return ""
    room = limit - tokenizer.num_special_tokens_to_add()
    tokens = tokenizer(prompt, add_special_tokens=False, truncation=False, verbose=False).input_ids
    return tokenizer.decode(tokens[room:]).strip() if len(tokens) > room else ""
