"""The package for Debian and Ubuntu, made with dpkg-deb from the folder that PyInstaller made.

    /opt/safelight/VERSION/           the bundle
    /opt/safelight/current            a link to the version in use; previous, to the one before it, is made by postinst
    /usr/bin/safelight                starts one of the two
    /usr/share/...                    the menu entry, the icon in every size, the words for software centres

VERSION is this program's; a second package of the same version takes the place of the first.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bundle.icons import SIZES
from bundle.needs import needed_packages

_HERE = Path(__file__).resolve().parents[1] / "linux"
_ROOT = _HERE.parents[1]
_ICON = "safelight"


def make(bundle: Path, icons: Path, out: Path, version: str) -> Path:
    """bundle: dist/safelight. icons: a folder of safelight-SIZE.png. Returns the package, in the folder `out`.

    Raises CalledProcessError where dpkg-deb refuses.
    """
    architecture = _told("dpkg", "--print-architecture")
    package = out / f"safelight_{version}_{architecture}.deb"
    # Beside the bundle, so that it is filled with links instead of copies.
    with tempfile.TemporaryDirectory(dir=out, prefix=".deb-") as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        _lay_out(tree, bundle, icons, version)
        control = tree / "DEBIAN"
        control.mkdir()
        _write(control / "control", _control(tree, bundle, version, architecture))
        caches = _text("caches")
        for name in ("preinst", "postinst", "postrm"):
            script = _text(name).replace("@VERSION@", version).replace("@CACHES@", caches)
            _write(control / name, script, 0o755)
        # zstd packs these 800 MB in a sixth of the time that xz takes, into a fifth more bytes.
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z12", "--build", tree, package],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return package


def _lay_out(tree: Path, bundle: Path, icons: Path, version: str) -> None:
    home = tree / "opt" / "safelight"
    home.mkdir(parents=True)
    shutil.copytree(bundle, home / version, symlinks=True, copy_function=_link)
    (home / "current").symlink_to(version)
    share = tree / "usr" / "share"
    _write(tree / "usr" / "bin" / "safelight", _text("safelight"), 0o755)
    _write(share / "applications" / "safelight.desktop", _text("safelight.desktop"))
    words = _text("app.safelight.Safelight.metainfo.xml").replace("@VERSION@", version)
    _write(share / "metainfo" / "app.safelight.Safelight.metainfo.xml", words.replace("@DATE@", _date()))
    for size in SIZES:
        target = share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / f"{_ICON}.png"
        _write(target, (icons / f"safelight-{size}.png").read_bytes())
    scalable = share / "icons" / "hicolor" / "scalable" / "apps" / f"{_ICON}.svg"
    _write(scalable, (_ROOT / "resources" / "icons" / "app" / "safelight.svg").read_bytes())
    notice = (_ROOT / "NOTICE").read_text(encoding="utf-8")
    about = f"Licences of everything inside: /opt/safelight/{version}/_internal/licences\n"
    _write(share / "doc" / "safelight" / "copyright", f"{notice}\n{about}")


def _control(tree: Path, bundle: Path, version: str, architecture: str) -> str:
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    fields = {
        "Package": "safelight",
        "Version": version,
        "Architecture": architecture,
        "Maintainer": "The Safelight authors <authors@safelight.invalid>",
        "Installed-Size": str(size // 1024),
        "Depends": ", ".join(needed_packages(bundle)),
        "Recommends": "xdg-utils, desktop-file-utils",
        "Section": "graphics",
        "Priority": "optional",
        "Description": "pictures from diffusion models on your own machine\n"
        " You write a prompt, watch noise turn into a picture step by step, and keep the\n"
        " picture and everything it takes to make it again. A small model is included,\n"
        " so it works with no network. Brings its own Python.",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _link(source: str, target: str) -> None:
    os.link(source, target)


def _write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _date() -> str:
    """Of the last commit, so that a build made twice is the same; today where there is no history."""
    try:
        return _told("git", "-C", str(_ROOT), "log", "-1", "--format=%cs")
    except (OSError, subprocess.CalledProcessError):
        return time.strftime("%Y-%m-%d")


def _told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    """`python -m bundle.deb BUNDLE ICONS OUT`, from the project's root."""
    sys.path.insert(0, str(_ROOT))
    from desktop import __version__

    bundle, icons, out = map(Path, sys.argv[1:4])
    if not (bundle / "safelight").exists():
        print(f"safelight: there is no bundle in {bundle}; build it first, without --repack.", file=sys.stderr)
        return 2
    package = make(bundle, icons, out, os.environ.get("SAFELIGHT_VERSION", __version__))
    print(f"{package}: {package.stat().st_size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
