"""The tables, and the way from each version to the next."""

from desktop.store.words import TOKENIZER

# A newer major version cannot be read by this program; a newer minor one only adds what this one passes over.
MAJOR = 1

# MIGRATIONS[n] leads from minor version n to n + 1. Once released, an entry is never changed.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # id: microseconds since 1970 at which the picture was finished, so that ids sort by age, also after a
        # rebuild from the files. path: relative to the pictures' folder, with forward slashes.
        # deleted_at: seconds since 1970; set while a deletion can still be undone.
        """CREATE TABLE pictures (
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL,
            request TEXT NOT NULL,
            seconds REAL NOT NULL,
            rating INTEGER NOT NULL DEFAULT 0 CHECK (rating BETWEEN 0 AND 5),
            deleted_at REAL
        )""",
        "CREATE INDEX pictures_path ON pictures (path)",
        "CREATE INDEX pictures_deleted ON pictures (deleted_at) WHERE deleted_at IS NOT NULL",
        f"""CREATE VIRTUAL TABLE pictures_text USING fts5(words, prefix='1 2 3', tokenize="{TOKENIZER}")""",
        # turn: microseconds since 1970 of the last use, unique, so that the index gives the newest first unsorted.
        """CREATE TABLE history (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            turn INTEGER NOT NULL UNIQUE,
            prompt TEXT NOT NULL,
            negative_prompt TEXT NOT NULL,
            model TEXT NOT NULL,
            uses INTEGER NOT NULL DEFAULT 1,
            UNIQUE (prompt, negative_prompt)
        )""",
        f"""CREATE VIRTUAL TABLE history_text USING fts5(words, prefix='1 2 3', tokenize="{TOKENIZER}")""",
        "CREATE TABLE queue (position INTEGER PRIMARY KEY, request TEXT NOT NULL)",
    ),
    (
        # own, trunk: see kinship.key_of; own is NULL until kinship.prepare has been there, trunk where there is none.
        # timeline: the name of the steps' file, "" where there is none, NULL where nobody has looked yet.
        "ALTER TABLE pictures ADD COLUMN own TEXT",
        "ALTER TABLE pictures ADD COLUMN trunk TEXT",
        "ALTER TABLE pictures ADD COLUMN timeline TEXT",
        "CREATE INDEX pictures_own ON pictures (own)",
        "CREATE INDEX pictures_trunk ON pictures (trunk) WHERE trunk IS NOT NULL",
    ),
    # Those whose sheet is not made yet.
    ("CREATE TABLE grids (id INTEGER PRIMARY KEY AUTOINCREMENT, grid TEXT NOT NULL)",),
)
MINOR = len(MIGRATIONS)


def pack(major: int, minor: int) -> int:
    """Both in SQLite's one user_version."""
    return major << 16 | minor


def unpack(version: int) -> tuple[int, int]:
    return version >> 16, version & 0xFFFF
