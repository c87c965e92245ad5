"""Which shared libraries and data files go into the bundle, and which the user's system gives."""

import sys
from pathlib import PurePath

# Qt's plugins that are of use to widgets and pictures. Of the other kinds, none is.
_PLUGINS = {
    "platforms": ("qxcb", "qwayland", "qoffscreen", "qminimal", "qwindows", "qcocoa"),
    "platformthemes": ("qgtk3", "qxdgdesktopportal"),
    "platforminputcontexts": ("compose", "ibus"),
    "imageformats": ("qgif", "qico", "qicns", "qjpeg", "qsvg", "qwebp"),
    "iconengines": ("qsvgicon",),
    "xcbglintegrations": ("qxcb",),
    "wayland-shell-integration": ("xdg-shell",),
    "wayland-decoration-client": ("libadwaita", "libbradient"),
    "wayland-graphics-integration-client": ("qt-plugin-wayland-egl",),
    "styles": ("qmodernwindows", "qmac"),
}
# Of the system's libraries only what Python itself was built against travels along: versions of those differ from
# one system to the next.
_OF_PYTHON = (
    "libbz2.",
    "libcrypto.",
    "libexpat.",
    "libffi.",
    "libgcc_s.",
    "liblzma.",
    "libpython",
    "libreadline.",
    "libsqlite3.",
    "libssl.",
    "libstdc++.",
    "libtinfo",
    "libuuid.",
    "libz.",
)
# Libraries of Qt that only plugins and modules ask for which stay out.
_UNUSED = ("libQt6EglFS", "libQt6Network", "libQt6WlShell")
_SOURCES = {".a", ".h", ".hpp", ".cuh", ".pyi", ".pxd", ".pyx", ".c", ".cpp", ".cmake", ".lib"}


def goes_in(inside: str, source: str) -> bool:
    """inside: a library's place in the bundle; source: the file it comes from.

    On Linux the libraries of windows, fonts and drawing are the system's: they must fit its drivers, its fonts and its
    settings, and the system mends them.
    """
    parts = PurePath(inside).parts
    if "plugins" in parts:
        kind, name = parts[parts.index("plugins") + 1], parts[-1]
        return any(word in name for word in _PLUGINS.get(kind, ())) and "minimalegl" not in name
    if parts[-1].startswith(_UNUSED):
        return False
    if sys.platform != "linux" or is_under_python(source):
        return True
    return source.startswith(("/lib", "/usr/lib")) and parts[-1].startswith(_OF_PYTHON)


def is_under_python(source: str) -> bool:
    """Whether a file belongs to Python or to a package it has installed, not to the system."""
    homes = {sys.prefix, sys.base_prefix} - {"/usr", "/"}
    return any(PurePath(source).is_relative_to(home) for home in homes) or "site-packages" in PurePath(source).parts


def is_of_use(inside: str) -> bool:
    """inside: a data file's place in the bundle."""
    path = PurePath(inside)
    if "translations" in path.parts and "PySide6" in path.parts:
        return path.name.startswith("qtbase_")  # the words of dialogs; other files are of modules left out
    return path.suffix not in _SOURCES
