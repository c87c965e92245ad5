"""What the bundle is made of: the licence texts of everything inside, and a list in CycloneDX 1.6.

https://cyclonedx.org/docs/1.6/json/. Told from the installed distributions' metadata and from the shared libraries
that went in; nothing is asked of the network.
"""

import hashlib
import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bundle.distributions import PROGRAM, direct, needed
from bundle.system_libraries import is_under_python

FILE_NAME = "components.cdx.json"
_ROOT = Path(__file__).resolve().parents[2]
_TEXTS = Path(__file__).resolve().parents[1] / "licences"  # of those whose wheels bring none
_LICENCE_FILE = re.compile(r"(^|[/._-])(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
_SPDX = re.compile(r"[A-Za-z0-9.+-]+(( (AND|OR|WITH) |[() ])+[A-Za-z0-9.+-]+)*\)*")
# Parts of the installed program that no metadata names. The bootloader's exception allows any licence for what it runs.
_BOOTLOADER = ("GPL-2.0-or-later WITH Bootloader-exception", "the program that starts the bundle")
_ENDINGS = (".so", ".dylib", ".dll", ".pyd")


def component_list(libraries: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The list as a JSON table. libraries: a shared library's place in the bundle to the file it comes from."""
    distributions = [importlib.metadata.distribution(name) for name in needed()]
    components = [_of_distribution(found) for found in distributions]
    components += [_python(), _bootloader()]
    components += _shared_libraries(libraries or {}, distributions)
    root = {
        "type": "application",
        "bom-ref": f"pkg:generic/{PROGRAM}@{_version()}",
        "name": PROGRAM,
        "version": _version(),
        "purl": f"pkg:generic/{PROGRAM}@{_version()}",
        "licenses": [{"expression": "Apache-2.0"}],
    }
    content = json.dumps(components, sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",  # the same bundle, the same list
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": _dependencies(root["bom-ref"], distributions),
    }


def licence_of(metadata: Any) -> dict[str, Any]:
    """A distribution's licence as CycloneDX wants it: an SPDX expression where it gives one, else its own words."""
    expression = (metadata.get("License-Expression") or "").strip()
    said = (metadata.get("License") or "").strip()
    if not expression and _SPDX.fullmatch(said) and ("-" in said or said == "MIT"):
        expression = said
    if expression:
        return {"expression": expression}
    classifiers = [
        c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or () if c.startswith("License :: OSI Approved")
    ]
    name = ", ".join(classifiers) or (said.splitlines() or ["not stated"])[0][:100]
    return {"license": {"name": name}}


def licence_files(distribution: importlib.metadata.Distribution) -> list[Path]:
    """The texts a distribution brings along."""
    found = [
        Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if _LICENCE_FILE.search(str(file)) and Path(str(file)).suffix not in (".py", ".pyc", ".pyi", ".so")
    ]
    return [path for path in found if path.is_file()]


def write(folder: Path, libraries: Mapping[str, str]) -> dict[str, Any]:
    """Fill the folder: the list, this project's own licence, and a folder of texts for each component."""
    folder.mkdir(parents=True, exist_ok=True)
    table = component_list(libraries)
    (folder / FILE_NAME).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    for name in ("LICENSE", "NOTICE"):
        (folder / name).write_bytes((_ROOT / name).read_bytes())
    for name in needed():
        distribution = importlib.metadata.distribution(name)
        texts = licence_files(distribution)
        if not texts:
            texts = _texts_for(licence_of(distribution.metadata), name)
        _copy(texts, folder / f"{name}-{distribution.version}", Path(str(distribution.locate_file(""))))
    _copy(_python_licence(), folder / f"Python-{platform.python_version()}", Path(sys.base_prefix))
    bootloader = licence_files(importlib.metadata.distribution("pyinstaller"))
    _copy(bootloader, folder / "PyInstaller-bootloader", Path(bootloader[0].anchor) if bootloader else _ROOT)
    for package, text in _system_texts(libraries).items():
        (folder / f"{package}.txt").write_bytes(text.read_bytes())
    return table


def _version() -> str:
    from desktop import __version__

    return __version__


def _of_distribution(distribution: importlib.metadata.Distribution) -> dict[str, Any]:
    name, version = distribution.metadata["Name"], distribution.version
    purl = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version)}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "description": (distribution.metadata.get("Summary") or "")[:200],
        "licenses": [licence_of(distribution.metadata)],
        "purl": purl,
    }


def _python() -> dict[str, Any]:
    purl = f"pkg:generic/python@{platform.python_version()}"
    return {
        "type": "platform",
        "bom-ref": purl,
        "name": "Python",
        "version": platform.python_version(),
        "licenses": [{"expression": "PSF-2.0"}],
        "purl": purl,
    }


def _bootloader() -> dict[str, Any]:
    version = importlib.metadata.version("pyinstaller")
    purl = f"pkg:pypi/pyinstaller@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": "PyInstaller bootloader",
        "version": version,
        "description": _BOOTLOADER[1],
        "licenses": [{"expression": _BOOTLOADER[0]}],
        "purl": purl,
    }


def _shared_libraries(
    libraries: Mapping[str, str], distributions: list[importlib.metadata.Distribution]
) -> Iterator[dict[str, Any]]:
    """One component each: of the system by its package, of a wheel by the distribution that brought it.

    Extension modules are their distribution's own code and are not listed apart.
    """
    homes = {str(d.locate_file(file)): d for d in distributions for file in d.files or () if _is_library(str(file))}
    listed: set[str] = set()
    for inside, source in sorted(libraries.items()):
        name = Path(inside).name
        if name in listed or not _is_library(name) or not Path(source).is_file():
            continue
        listed.add(name)
        home = homes.get(source)
        package = None if is_under_python(source) else _package_of(source)
        if package is not None:
            title, version, licence = package
            purl = f"pkg:deb/debian/{quote(title)}@{quote(version)}"
        elif home is not None:
            version, licence = home.version, licence_of(home.metadata)
            purl = f"pkg:pypi/{quote(home.metadata['Name'].lower().replace('_', '-'))}@{quote(version)}#{quote(inside)}"
        else:  # Python's own library
            version, licence = platform.python_version(), {"expression": "PSF-2.0"}
            purl = f"pkg:generic/python@{quote(version)}#{quote(inside)}"
        yield {
            "type": "library",
            "bom-ref": f"file:{inside}",
            "name": name,
            "version": version,
            "licenses": [licence],
            "purl": purl,
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(Path(source).read_bytes()).hexdigest()}],
            "properties": [{"name": "safelight:place", "value": inside}],
        }


def _is_library(name: str) -> bool:
    name = Path(name).name
    return (".so." in name or name.endswith(_ENDINGS)) and "cpython-" not in name and not name.endswith(".abi3.so")


def _package_of(source: str) -> tuple[str, str, dict[str, Any]] | None:
    """(package, version, licence) of a system library on Debian and its kin; None elsewhere."""
    for path in (source, str(Path(source).resolve()), str(Path(source).resolve()).removeprefix("/usr")):
        try:
            done = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True)
        except FileNotFoundError:
            return None
        if done.returncode == 0:
            package = done.stdout.split(":")[0].strip()
            shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
            return package, shown.stdout.strip(), {"license": {"name": _said_in(_copyright(package))}}
    return None


def _copyright(package: str) -> Path:
    return Path("/usr/share/doc") / package.split(":")[0] / "copyright"


def _said_in(path: Path) -> str:
    """The licences that a Debian copyright file names, where it is written for machines."""
    if not path.is_file():
        return "not stated"
    names = re.findall(r"^License: *(\S.*)$", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return ", ".join(dict.fromkeys(name.strip() for name in names))[:200] or "see its copyright file"


def _system_texts(libraries: Mapping[str, str]) -> dict[str, Path]:
    found = {}
    for source in libraries.values():
        if not is_under_python(source) and (package := _package_of(source)) is not None:
            text = _copyright(package[0])
            if text.is_file():
                found[package[0]] = text
    return found


def _texts_for(licence: dict[str, Any], name: str) -> list[Path]:
    """The texts kept here for a licence that a distribution names without bringing it."""
    words = licence.get("expression") or licence["license"]["name"]
    found = [path for path in sorted(_TEXTS.glob("*.txt")) if path.stem in words]
    if "Apache" in words:
        found.append(_ROOT / "LICENSE")
    if not found:
        print(f"safelight: {name} brings no licence text, only its name: {words}", file=sys.stderr)
    return found


def _python_licence() -> list[Path]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    places = (f"lib/python{version}/LICENSE.txt", "LICENSE.txt", f"share/doc/python{version}/copyright")
    return [path for place in places if (path := Path(sys.base_prefix) / place).is_file()][:1]


def _copy(texts: list[Path], folder: Path, root: Path) -> None:
    for text in texts:
        inside = (
            [part for part in text.relative_to(root).parts if not part.endswith(".dist-info")]
            if (text.is_relative_to(root))
            else [text.name]
        )
        if inside[0] == "licenses":
            del inside[0]
        target = folder.joinpath(*inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.read_bytes())


def _dependencies(root: str, distributions: list[importlib.metadata.Distribution]) -> list[dict[str, Any]]:
    refs = {d.metadata["Name"]: _of_distribution(d)["bom-ref"] for d in distributions}
    table = [{"ref": root, "dependsOn": sorted(refs.values())}]
    for distribution in distributions:
        needs = {refs[name] for name in direct(distribution.metadata["Name"])}
        table.append({"ref": refs[distribution.metadata["Name"]], "dependsOn": sorted(needs)})
    return table


def main() -> int:
    """`python -m bundle.components LIBRARIES.json FOLDER`, from the project's root."""
    libraries = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    table = write(Path(sys.argv[2]), libraries)
    print(f"{sys.argv[2]}: licences of {len(table['components'])} components, listed in {FILE_NAME}")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(_ROOT))
    sys.exit(main())
