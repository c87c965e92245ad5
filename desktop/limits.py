"""How large the numbers of a request may be; known to the window before it knows any message."""

SEED_MAX = 2**64 - 1  # the largest that torch.Generator.manual_seed takes
TEXT_MAX = 10_000  # characters of a prompt; far above what any text encoder reads
SIDE_MIN, SIDE_MAX = 16, 8192  # pixels
ADDED_MAX = 32  # LoRA files and embeddings
BRANCH_DEPTH_MAX = 16  # each branch carries the whole request of its trunk
STEPS_MAX = 1000  # the length of every training schedule in use
GUIDANCE_MAX = 50.0


def random_seed() -> int:
    """A seed short enough to read aloud: 0 to 2**32 - 1."""
    import secrets  # brings random and hashlib, which the window can be without at first

    return secrets.randbelow(2**32)
