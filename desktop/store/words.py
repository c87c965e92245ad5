"""Text made ready for full-text search, the same way for what is stored and for what is typed.

SQLite's unicode61 tokenizer knows words with spaces between them. Scripts without spaces are therefore cut into
single characters here, and a run of them is searched as a phrase: any part of a Japanese prompt finds it.
"""

import re
import unicodedata

# Passed to FTS5: letters, numbers and symbols make tokens, so that an emoji can be searched for.
TOKENIZER = "unicode61 remove_diacritics 2 categories 'L* N* Co S*'"

# First and last code points of scripts written without spaces, and of Hangul, where words carry endings.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x30FF),  # Han radicals, Hiragana, Katakana
    (0x3100, 0x4DBF),  # Bopomofo, Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),  # Han compatibility
    (0x20000, 0x3FFFF),  # Han extensions
)


def segment(text: str) -> str:
    """Lower case, no accents, one space around every character that is a word of its own."""
    if text.isascii():  # the common case, five times as fast
        return re.sub(r"([$+<=>^`|~])", r" \1 ", text.lower().replace("\0", " "))
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in folded if unicodedata.category(c) not in ("Mn", "Me"))
    parts = []
    for c in unicodedata.normalize("NFC", bare):
        alone = _is_unspaced(c) or unicodedata.category(c)[0] == "S"
        parts.append(f" {c} " if alone else c)
    return "".join(parts).replace("\0", " ")


def query(text: str) -> str | None:
    """An FTS5 query that finds rows with every word of text, the beginnings of words too.

    None where text holds nothing that is indexed (only punctuation, say).
    """
    terms = []
    for word in text.split():
        cut = segment(word).strip()
        if any(unicodedata.category(c)[0] in "LNS" or unicodedata.category(c) == "Co" for c in cut):
            terms.append('"' + cut.replace('"', '""') + '"*')
    return " ".join(terms) or None


def like(text: str) -> str:
    """A pattern for LIKE ... ESCAPE '\\' that finds text anywhere."""
    escaped = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _is_unspaced(c: str) -> bool:
    code = ord(c)
    return code >= 0x0E00 and any(first <= code <= last for first, last in _UNSPACED)
