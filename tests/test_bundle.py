"""The installed application, as far as it can be tested without freezing it; packaging/try-installed does the rest."""

import ast
import configparser
import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from desktop import __version__, arguments, self_check

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
LINUX = PACKAGING / "linux"

# Everything the self-check tries, with all that the bundle leaves out hidden from import.
_WITHOUT = """
import sys
from desktop.__main__ import main
names, finders = set(sys.argv[1].split(",")), list(sys.meta_path)
class Without:
    def find_spec(self, name, path=None, target=None):
        parts = name.split(".")
        if any(".".join(parts[:end]) in names for end in range(1, len(parts) + 1)):
            return None
        return next((spec for finder in finders if (spec := finder.find_spec(name, path, target))), None)
    def find_distributions(self, *context):
        return (found for f in finders if hasattr(f, "find_distributions") for found in f.find_distributions(*context))
sys.meta_path[:] = [Without()]
status = main(["train", "starter", "--work", sys.argv[2]])
assert status == 2, status
sys.exit(main(["--self-check"]))
"""


@pytest.fixture(scope="module", autouse=True)
def bundle():
    """The package that builds; its name is common, so it is importable here and nowhere else."""
    sys.path.insert(0, str(PACKAGING))
    yield
    sys.path.remove(str(PACKAGING))
    for name in [name for name in sys.modules if name.split(".")[0] == "bundle"]:
        del sys.modules[name]


def test_the_program_is_whole_without_what_the_bundle_leaves_out(tmp_path):
    from bundle.left_out import left_out

    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, ",".join(left_out()), tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("  ok") for line in lines) == 13
    assert "every pixel is the same" in done.stdout
    assert lines[-1].startswith("All is well.")
    assert done.stderr.count("\n") == 1  # what train says
    assert "The installed Safelight cannot train models" in done.stderr


def test_a_check_that_fails_is_told_and_ends_no_other(tmp_path):
    def bad():
        try:
            raise ImportError("libmissing.so: cannot open")
        except ImportError as error:
            raise RuntimeError("a library's own words") from error

    def wrong():
        raise self_check.Wrong("a file is missing")

    found = list(self_check.checked((("one", bad), ("two", wrong), ("three", lambda: "fine"))))
    assert found == [
        ("one", "ImportError: libmissing.so: cannot open", False),
        ("two", "a file is missing", False),
        ("three", "fine", True),
    ]


def test_the_self_check_sees_a_resource_that_is_gone(tmp_path, monkeypatch):
    shutil.copytree(self_check.RESOURCES / "icons", tmp_path / "icons")
    monkeypatch.setattr(self_check, "RESOURCES", tmp_path)
    with pytest.raises(self_check.Wrong, match="model_index"):
        self_check.packaged_files()


def test_the_self_check_begins_before_qt_and_torch_are_there():
    code = "import desktop.self_check, sys; assert not {'PySide6', 'torch', 'numpy', 'PIL'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_self_check_is_asked_for_without_a_command():
    assert arguments.parse(["--self-check"]).self_check
    assert not arguments.parse(["models", "list"]).self_check


@pytest.mark.parametrize(
    "path", sorted([PACKAGING / "safelight.spec", *PACKAGING.glob("hooks/*.py")]), ids=lambda p: p.name
)
def test_spec_and_hooks_import_what_there_is(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "bundle":
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) or _is_module(node.module, alias.name) for alias in node.names)
    if path.name.startswith("hook-"):
        assert importlib.util.find_spec(path.stem.removeprefix("hook-")) is not None


def _is_module(package, name):
    return importlib.util.find_spec(f"{package}.{name}") is not None


def test_every_class_that_diffusers_takes_from_transformers_is_kept():
    from bundle.reachable import transformers_left_out, transformers_models

    kept = transformers_models()
    # by name: the text and image encoders of the families, and what FLUX.2's and Qwen-Image's configurations nest
    assert {"auto", "clip", "t5", "umt5", "gemma2", "qwen2_5_vl", "mistral3", "pixtral", "siglip", "qwen3"} <= kept
    left_out = {name.rpartition(".")[2] for name in transformers_left_out()}
    assert not kept & left_out
    assert len(left_out) > 300


def test_what_stays_out_has_a_reason_and_is_not_the_program():
    from bundle.left_out import LEFT_OUT

    assert all((reason and reason[0].islower()) or reason[0] in "CPQ" for reason in LEFT_OUT.values())
    assert [name for name in LEFT_OUT if name.startswith("desktop")] == ["desktop.training"]


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "desktop.__version__"}
    for path in (*LINUX.iterdir(), PACKAGING / "safelight.spec", PACKAGING / "build"):
        assert __version__ not in path.read_text(encoding="utf-8"), path


def test_the_pinned_builder_is_the_one_that_is_asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (wanted,) = project["project"]["optional-dependencies"]["bundle"]
    assert wanted == "pyinstaller>=6.22,<7"
    assert re.search(r"^pyinstaller==6\.", (PACKAGING / "constraints.txt").read_text(), re.MULTILINE)


def test_the_menu_entry_says_what_the_program_does():
    entry = configparser.ConfigParser(interpolation=None, strict=True)
    entry.optionxform = str
    entry.read(LINUX / "safelight.desktop", encoding="utf-8")
    main = entry["Desktop Entry"]
    assert (main["Type"], main["Exec"], main["Icon"]) == ("Application", "safelight %f", "safelight")
    from bundle.documents import PICTURES

    assert main["MimeType"].rstrip(";").split(";") == [media for media, _, _ in PICTURES.values()]
    for action in main["Actions"].rstrip(";").split(";"):
        assert entry[f"Desktop Action {action}"]["Exec"].startswith("safelight ")
    if shutil.which("desktop-file-validate"):
        done = subprocess.run(["desktop-file-validate", LINUX / "safelight.desktop"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_the_words_for_software_centres_match_the_menu_entry():
    from bundle.documents import PICTURES

    root = ElementTree.parse(LINUX / "app.safelight.Safelight.metainfo.xml").getroot()
    assert root.findtext("launchable") == "safelight.desktop"
    assert root.findtext("project_license") == "Apache-2.0"
    assert [node.text for node in root.iter("mediatype")] == [media for media, _, _ in PICTURES.values()]


@pytest.mark.parametrize("name", ["safelight", "preinst", "postinst", "postrm"])
def test_scripts_of_the_package_are_sound_shell(name):
    assert (LINUX / name).read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert subprocess.run(["sh", "-n", LINUX / name]).returncode == 0


@pytest.fixture
def home(tmp_path):
    """Where the package lies; a space in its name shows what is not quoted."""
    return tmp_path / "o pt"


@pytest.fixture
def script(home):
    """Runs a script of the package as dpkg does."""

    def script(name, version, *words):
        text = (LINUX / name).read_text(encoding="utf-8").replace("home=/opt/safelight", f'home="{home}"')
        text = text.replace("@VERSION@", version).replace("@CACHES@", "")
        subprocess.run(["sh", "-c", text, name, *words], check=True)

    return script


@pytest.mark.parametrize("cleaned", [True, False])
def test_an_interrupted_upgrade_s_copy_never_replaces_what_is_unpacked(home, script, cleaned):
    """The machine stops while 2 unpacks over 1; then 1 is installed again, mended."""
    (home / "1").mkdir(parents=True)
    (home / "1" / "safelight").write_text("old")
    script("preinst", "2", "upgrade", "1")
    assert (home / ".kept" / "1" / "safelight").read_text() == "old"
    if cleaned:
        script("preinst", "1", "upgrade", "1")
        assert not (home / ".kept").exists()
    (home / "1" / "safelight").unlink()  # dpkg renames a new file over it
    (home / "1" / "safelight").write_text("fresh")
    script("postinst", "1", "configure", "1")
    assert [path.name for path in home.iterdir()] == ["1"]
    assert (home / "1" / "safelight").read_text() == "fresh"


def test_an_upgrade_keeps_the_version_before_and_no_older_one(home, script):
    def unpack(version, old=None):
        """What dpkg does between the scripts."""
        (home / version).mkdir(parents=True)
        (home / version / "safelight").write_text(version)
        (home / "current").unlink(missing_ok=True)
        (home / "current").symlink_to(version)
        if old:
            shutil.rmtree(home / old)

    script("preinst", "1", "install")
    unpack("1")
    script("postinst", "1", "configure")
    assert sorted(path.name for path in home.iterdir()) == ["1", "current"]
    for old, new in (("1", "2"), ("2", "3")):
        script("preinst", new, "upgrade", old)
        unpack(new, old)
        script("postinst", new, "configure", old)
        assert sorted(path.name for path in home.iterdir()) == [old, new, "current", "previous"]
        assert (home / "previous" / "safelight").read_text() == old
        assert (home / "current" / "safelight").read_text() == new
    script("preinst", "4", "upgrade", "3")
    script("postrm", "4", "abort-upgrade", "3")
    assert sorted(path.name for path in home.iterdir()) == ["2", "3", "current", "previous"]
    script("postrm", "3", "remove")
    assert not home.exists()


@pytest.fixture(scope="module")
def licences(tmp_path_factory, bundle):
    """The folder of licences and the list, as the build makes them, with one shared library."""
    from bundle import components

    folder = tmp_path_factory.mktemp("licences")
    openblas = next((Path(importlib.util.find_spec("scipy").origin).parents[1] / "scipy.libs").glob("*openblas*"), None)
    libraries = {f"scipy.libs/{openblas.name}": str(openblas)} if openblas else {}
    components.write(folder, libraries)
    return folder, json.loads((folder / components.FILE_NAME).read_text(encoding="utf-8")), libraries


def test_the_list_of_components_is_cyclonedx(licences):
    from bundle.distributions import needed

    _, table, libraries = licences
    assert (table["bomFormat"], table["specVersion"], table["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", table["serialNumber"])
    assert table["metadata"]["component"]["version"] == __version__
    found = table["components"]
    assert {"torch", "diffusers", "PySide6_Essentials", "Python", "PyInstaller bootloader"} <= {
        c["name"] for c in found
    }
    assert len(found) == len(needed()) + 2 + len(libraries)
    for component in found:
        assert component["type"] in {"library", "platform", "application"}
        assert re.fullmatch(r"pkg:(pypi|generic|deb)/\S+@\S+", component["purl"]), component["purl"]
        assert component["version"]
        (licence,) = component["licenses"]
        assert licence.keys() in ({"expression"}, {"license"})
        assert licence.get("expression") or licence["license"]["name"] not in ("", "not stated")
    references = [component["bom-ref"] for component in found]
    assert len(references) == len(set(references))
    for dependency in table["dependencies"][1:]:
        assert {dependency["ref"], *dependency["dependsOn"]} <= set(references)


def test_a_shared_library_is_listed_with_what_brought_it(licences):
    _, table, libraries = licences
    if not libraries:
        pytest.skip("this scipy brings no library of its own")
    (library,) = (component for component in table["components"] if component["bom-ref"].startswith("file:"))
    assert library["purl"].startswith("pkg:pypi/scipy@")
    assert len(library["hashes"][0]["content"]) == 64


def test_every_component_comes_with_its_licence_text(licences):
    from bundle.distributions import needed

    folder, _, _ = licences
    for name in needed():
        texts = (folder / f"{name}-{importlib.metadata.version(name)}").rglob("*")
        assert any(path.stat().st_size > 100 for path in texts if path.is_file()), name
    assert (folder / "NOTICE").read_bytes() == (ROOT / "NOTICE").read_bytes()
    assert "GNU LESSER" in "".join(path.read_text() for path in folder.glob("PySide6*/LGPL*"))


def test_libraries_of_windows_and_fonts_are_the_system_s():
    from bundle.system_libraries import goes_in, is_of_use

    inside = "PySide6/Qt/plugins"
    assert goes_in(f"{inside}/platforms/libqxcb.so", f"{sys.prefix}/lib/libqxcb.so")
    assert not goes_in(f"{inside}/platforms/libqvnc.so", f"{sys.prefix}/lib/libqvnc.so")
    assert not goes_in(f"{inside}/sqldrivers/libqsqlite.so", f"{sys.prefix}/lib/libqsqlite.so")
    assert not is_of_use("torch/include/ATen/ATen.h")
    assert not is_of_use("torch/lib/libprotobuf.a")
    assert is_of_use("torch/version.py")
    if sys.platform == "linux":
        assert not goes_in("libxcb.so.1", "/usr/lib/x86_64-linux-gnu/libxcb.so.1")
        assert goes_in("libssl.so.3", "/usr/lib/x86_64-linux-gnu/libssl.so.3")
        assert not goes_in("libcudart.so", "/usr/local/cuda/lib/libcudart.so")


def test_the_icon_is_drawn_in_every_size(tmp_path, qapp):
    from bundle import icons
    from PIL import Image

    icons.draw(tmp_path)
    for size in icons.SIZES:
        with Image.open(tmp_path / f"safelight-{size}.png") as picture:
            assert picture.size == (size, size)
            corner, middle = picture.getpixel((0, 0)), picture.getpixel((size // 2, size // 2))
            assert corner[3] == 0
            assert middle == (255, 243, 238, 255)  # the light
    with Image.open(tmp_path / "safelight.ico") as picture:
        assert {(16, 16), (32, 32), (256, 256)} <= picture.info["sizes"]
    with Image.open(tmp_path / "safelight.icns") as picture:
        assert (512, 512, 2) in picture.info["sizes"]


def test_sizes_name_the_largest_parts_and_count_links_once(tmp_path):
    from bundle.sizes import sizes

    (tmp_path / "_internal" / "torch" / "lib").mkdir(parents=True)
    (tmp_path / "_internal" / "torch" / "lib" / "libtorch.so").write_bytes(bytes(300))
    (tmp_path / "_internal" / "torch" / "version.py").write_bytes(bytes(10))
    (tmp_path / "_internal" / "libtorch.so").symlink_to("torch/lib/libtorch.so")
    (tmp_path / "safelight").write_bytes(bytes(50))
    assert sizes(tmp_path) == (360, [("torch", 310), ("safelight", 50)])


def test_the_build_of_torch_is_told_without_importing_it():
    import torch
    from bundle.variant import installed

    kind = "cuda" if torch.version.cuda else "rocm" if torch.version.hip else "cpu"
    assert installed() == ("apple" if sys.platform == "darwin" else kind)


def test_windows_and_macos_are_told_name_and_version():
    from bundle.documents import PICTURES, info_plist
    from bundle.windows import version_resource

    call = ast.parse(version_resource("1.2.3", name="safelight"), mode="eval").body
    assert call.func.id == "VSVersionInfo"
    assert "filevers=(1, 2, 3, 0)" in version_resource("1.2.3", name="safelight")
    table = info_plist("1.2.3")
    assert table["CFBundleShortVersionString"] == "1.2.3"
    assert len(table["CFBundleDocumentTypes"]) == len(PICTURES)


def test_the_launcher_hands_on_the_loader_s_paths_as_they_were_before(monkeypatch):
    spec = importlib.util.spec_from_file_location("launcher", PACKAGING / "launcher.py")
    launcher = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(launcher)
    monkeypatch.setattr(sys, "argv", ["safelight", "gallery", "search", "nothing"])
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/safelight/_internal")
    monkeypatch.setenv("DYLD_LIBRARY_PATH", "/opt/safelight/_internal")
    monkeypatch.setenv("DYLD_LIBRARY_PATH_ORIG", "/before")
    import os

    assert launcher.main() == 0
    assert "LD_LIBRARY_PATH" not in os.environ
    assert os.environ["DYLD_LIBRARY_PATH"] == "/before"
