"""Which of torch's builds is installed: the bundle is for the same machines as that."""

import re
import sys

from bundle.reachable import folder_of

WORDS = {
    "cpu": "any machine",
    "cuda": "NVIDIA's graphics cards",
    "rocm": "AMD's graphics cards",
    "apple": "Apple's processors",
}


def installed() -> str:
    """ "cpu", "cuda", "rocm" or "apple", told from torch's own note of how it was built; torch is not imported."""
    note = (folder_of("torch") / "version.py").read_text(encoding="utf-8")
    if re.search(r"^hip\b.*= '", note, re.MULTILINE):
        return "rocm"
    if re.search(r"^cuda\b.*= '", note, re.MULTILINE):
        return "cuda"
    return "apple" if sys.platform == "darwin" else "cpu"


def main() -> int:
    """`python -m bundle.variant WANTED`: prints what is installed. Returns 2 where another was wanted."""
    found, wanted = installed(), sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted in ("", found):
        print(found)
        return 0
    known = ", ".join(WORDS)
    if wanted not in WORDS:
        print(f"safelight: there is no build of torch called {wanted}; there are {known}.", file=sys.stderr)
    else:
        print(
            f"safelight: the torch in .venv is built for {WORDS[found]}, not for {WORDS[wanted]}. Install the other "
            "one into it (PIP_INDEX_URL names where from) and build again.",
            file=sys.stderr,
        )
    return 2


if __name__ == "__main__":
    sys.exit(main())
