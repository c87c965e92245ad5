"""What Windows shows of a program under Properties, as PyInstaller reads it."""

import re


def version_resource(version: str, *, name: str) -> str:
    """The text of a version file. version: as in desktop/__init__.py; Windows wants four numbers."""
    numbers = ([int(n) for n in re.findall(r"\d+", version.split("+")[0])] + [0, 0, 0, 0])[:4]
    strings = {
        "CompanyName": "The Safelight authors",
        "FileDescription": "Safelight",
        "FileVersion": version,
        "InternalName": name,
        "LegalCopyright": "Apache License 2.0",
        "OriginalFilename": f"{name}.exe",
        "ProductName": "Safelight",
        "ProductVersion": version,
    }
    table = ", ".join(f"StringStruct({key!r}, {value!r})" for key, value in strings.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={tuple(numbers)}, prodvers={tuple(numbers)}, mask=0x3F, flags=0, "
        "OS=0x40004, fileType=1, subtype=0, date=(0, 0)), kids=["
        f"StringFileInfo([StringTable('040904B0', [{table}])]), "
        "VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )
