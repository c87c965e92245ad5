"""Takes the symbols that only debuggers read out of the shared libraries: on Linux a tenth of the bundle."""

import shutil
import subprocess
import sys
from pathlib import Path

_ELF = b"\x7fELF"


def strip(folder: Path) -> int:
    """Strip every library under the folder; how many bytes went. What `strip` refuses stays as it is.

    Libraries in NAME.libs were moved about by the tools that made their wheels, and strip is known to break such;
    NVIDIA's come stripped.
    """
    if shutil.which("strip") is None:
        print("safelight: strip is missing (package binutils), so symbols for debuggers stay in", file=sys.stderr)
        return 0
    gone = 0
    for path in sorted(folder.rglob("*.so*")):
        if path.is_symlink() or not path.is_file() or path.parent.name.endswith(".libs") or "nvidia" in path.parts:
            continue
        with path.open("rb") as file:
            if file.read(4) != _ELF:
                continue
        before = path.stat().st_size
        stripped = path.with_name(path.name + ".stripped")
        done = subprocess.run(["strip", "--strip-unneeded", "-o", stripped, path], capture_output=True)
        if done.returncode == 0 and stripped.stat().st_size < before:
            shutil.copymode(path, stripped)
            stripped.replace(path)
            gone += before - path.stat().st_size
        else:
            stripped.unlink(missing_ok=True)
    return gone


if __name__ == "__main__":
    print(f"symbols for debuggers: {strip(Path(sys.argv[1])) / 1e6:.0f} MB taken out")
