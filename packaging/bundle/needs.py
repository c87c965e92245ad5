"""Which packages of Debian the bundle needs: told from what its libraries ask the system's loader for."""

import re
import subprocess
from pathlib import Path

from bundle.system_libraries import is_under_python

_ELF = b"\x7fELF"
# Opened by name while the program runs, so that no library asks the loader for them: drawing, and talking to the
# desktop. Each is what Qt says it needs.
OPENED = ("libEGL.so.1", "libGL.so.1", "libfontconfig.so.1", "libdbus-1.so.3")
# A theme for GTK desktops: used where GTK is there, and no reason to install it.
_OPTIONAL = ("libqgtk3.so",)


def needed_packages(folder: Path) -> list[str]:
    """What goes into Depends, such as "libc6 (>= 2.34)", "libegl1". Raises KeyError for a library no package has."""
    inside = {path.name for path in folder.rglob("*.so*")}
    wanted: set[str] = set(OPENED)
    newest = (2, 0)
    for path in sorted([*folder.rglob("*.so*"), folder / "safelight"]):
        if path.is_symlink() or path.name in _OPTIONAL or not _is_elf(path):
            continue
        told = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
        wanted |= set(re.findall(r"^ +NEEDED +(\S+)", told, re.MULTILINE)) - inside
        for version in re.findall(r" GLIBC_(\d+)\.(\d+)", told):
            newest = max(newest, (int(version[0]), int(version[1])))
    packages = {package_of(name) for name in wanted}
    return sorted(f"libc6 (>= {newest[0]}.{newest[1]})" if name == "libc6" else name for name in packages)


def package_of(library: str) -> str:
    """The package that brings a shared library on this system. Raises KeyError."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        name, _, path = line.strip().partition(" => ")
        if name.split(" ")[0] != library or is_under_python(path):
            continue
        real = Path(path).resolve()
        for candidate in (path, str(real), str(real).removeprefix("/usr"), path.removeprefix("/usr")):
            done = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True)
            if done.returncode == 0:
                return done.stdout.split(":")[0]
    raise KeyError(f"no installed package has {library}")


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _ELF
