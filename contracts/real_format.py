# SPDX-License-Identifier: Apache-2.0
"""Recognises the format of a file by its first bytes."""

import re

_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"hevc": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
    b"crx ": "Canon raw",
}
_BEGINNINGS = (
    (rb"RIFF....WEBP", "WebP"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM.{4}\0{4}", "BMP"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "TIFF or a camera's raw format"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"8BPS", "Photoshop"),
    (rb"\x00\x00\x01\x00", "ICO"),
    (rb"%PDF", "PDF"),
    (rb"P[1-7]\s", "PPM"),
    (rb"RIFF....AVI ", "an AVI video"),
    (rb"%!PS", "PostScript"),
    (rb"DDS |v/1\x01|#\?RADIANCE|gimp xcf|qoif|FLIF", "another kind of picture"),
    (rb"FUJIFILMCCD-RAW", "TIFF or a camera's raw format"),
    (rb".{128}DICM", "DICOM"),
    (rb"\x93NUMPY|\x89HDF", "an array of numbers"),
    (rb"PK\x03\x04", "a zip archive"),
    (rb"\x1f\x8b", "a gzip archive"),
    (rb"\0{64}", "only zeros (a copy that was cut short)"),
    (
        rb"(HTTP/1\.|[\s\xef\xbb\xbf]).{0,500}\xff\xd8\xff",
        "a JPEG behind bytes that are not part of it",
    ),
    (rb"/9j/|iVBORw0KG|data:image/", "the text of a picture in base64 (decode it)"),
    (rb"version https://git-lfs", "a Git LFS pointer (git lfs pull fetches the photo)"),
    (rb"/annex/objects/", "a git-annex pointer (git annex get fetches the photo)"),
    (rb"\s*(<\?xml[^>]*>\s*)?<svg", "SVG"),
    (rb"\s*(<!doctype html|<html)", "a web page (the download went wrong)"),
    (rb"\s*(<\?xml|[{[])", "a text (a server's answer instead of the photo)"),
)


def is_picture(name: str) -> bool:
    """Whether ``real_format``'s answer names something that can be converted to a JPEG."""
    return bool(name) and not name.endswith(")")


def real_format(raw: bytes) -> str:
    """The format of a file that is neither JPEG nor PNG; empty if it is unknown.

    Files that are not pictures have a remark in parentheses.
    """
    if raw[4:8] == b"ftyp":
        return _BRANDS.get(raw[8:12], "a video or picture in an ISO container")
    return next(
        (
            name
            for beginning, name in _BEGINNINGS
            if re.match(beginning, raw[:512], re.DOTALL | re.IGNORECASE)
        ),
        "",
    )
