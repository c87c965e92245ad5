"""The words of a prompt as a person typed them, without the marks between them."""

from dataclasses import dataclass

# Between words like a space does, in Latin and in Chinese, Japanese and Korean writing.
_APART = frozenset(',;:!?()[]{}<>"|/\\，。、；：！？（）【】「」『』《》…')
_EDGES = ".-–—_'’‘“”`*~+="  # belong to a word where they stand inside it, as in "ice-cream" and "don't"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptWord:
    """start, end: of its characters in the prompt."""

    text: str
    start: int
    end: int


def words_of(prompt: str) -> tuple[PromptWord, ...]:
    """In the prompt's order; a word that comes twice is there twice."""
    found = []
    start = None
    for place, letter in enumerate(prompt + " "):
        if not (letter.isspace() or letter in _APART):
            start = place if start is None else start
        elif start is not None:
            if word := _trimmed(prompt, start, place):
                found.append(word)
            start = None
    return tuple(found)


def _trimmed(prompt: str, start: int, end: int) -> PromptWord | None:
    while start < end and prompt[start] in _EDGES:
        start += 1
    while end > start and prompt[end - 1] in _EDGES:
        end -= 1
    text = prompt[start:end]
    if all(letter.isascii() and not letter.isalnum() for letter in text):  # "&" and "%", but not an emoji
        return None
    return PromptWord(text=text, start=start, end=end)
