"""The kinds of files that Safelight opens, as each system wants to be told."""

# ending: (media type, Apple's uniform type identifier, words)
PICTURES = {
    "png": ("image/png", "public.png", "PNG picture"),
    "jpg": ("image/jpeg", "public.jpeg", "JPEG picture"),
    "webp": ("image/webp", "org.webmproject.webp", "WebP picture"),
    "gif": ("image/gif", "com.compuserve.gif", "GIF picture"),
    "bmp": ("image/bmp", "com.microsoft.bmp", "BMP picture"),
    "tiff": ("image/tiff", "public.tiff", "TIFF picture"),
}


def info_plist(version: str) -> dict[str, object]:
    """What macOS asks of an application's Info.plist."""
    return {
        "CFBundleDisplayName": "Safelight",
        "CFBundleShortVersionString": version,
        "CFBundleVersion": version,
        "LSApplicationCategoryType": "public.app-category.graphics-design",
        "LSMinimumSystemVersion": "12.0",
        "NSHighResolutionCapable": True,
        "NSRequiresAquaSystemAppearance": False,
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": words,
                "CFBundleTypeRole": "Viewer",
                "LSHandlerRank": "Alternate",  # offered, never the one that opens them unasked
                "LSItemContentTypes": [identifier],
            }
            for _, identifier, words in PICTURES.values()
        ],
    }
