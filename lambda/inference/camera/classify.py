# SPDX-License-Identifier: Apache-2.0
"""What a model makes of a folder of photos, by the camera's own code.

``python -m camera.classify --model model.tar.gz --photos folder --out answers.jsonl`` writes one
line for each photo: ``{"photo": path, "class": ..., "bin": ..., "confidence": ...}``.
"""

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from camera.engine import Model, ModelError
from camera.models import ModelStore
from camera.pictures import BadFrameError, model_input
from contracts.bins import BinPolicy, read_policy
from contracts.messages import ModelName
from contracts.model_archive import ArchiveError, file_digest
from contracts.preprocessing import Pixels, resize

_JPEG = b"\xff\xd8\xff"
_LARGEST = 64 << 20
_EXIF_BYTES = 1 << 16


class NoPhotoError(Exception):
    """The file is no photo; it is skipped and counted."""


def main(arguments: list[str] | None = None) -> int:
    """Classify; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="camera.classify", description="Classify a folder of photos."
    )
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz")
    parser.add_argument("--photos", type=Path, required=True, help="folder, searched in depth")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines; - for the terminal")
    parser.add_argument(
        "--bins", default='{"classes":{}}', help="bin policy: JSON, or a TOML file with [bins]"
    )
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        if not options.photos.is_dir():
            raise OSError(f"{options.photos}: no such folder")
        bins = read_policy(options.bins)
        with tempfile.TemporaryDirectory(prefix="binsight-classify-") as scratch:
            model = _load(options.model, Path(scratch), threads=options.threads)
            lines = classify(options.photos, model=model, bins=bins)
            count = _write(options.out, lines)
    except (ArchiveError, ModelError, OSError, ValueError) as error:
        print(f"classify: {error}", file=sys.stderr)
        return 1
    print(f"{count[0]} photos classified, {count[1]} other files skipped", file=sys.stderr)
    return 0


def classify(folder: Path, *, model: Model, bins: BinPolicy) -> Iterator[dict[str, object] | None]:
    """One answer for each photo in order of path; None for a file that is no photo."""
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        name = path.relative_to(folder).as_posix()
        try:
            pixels = read(path, width=model.card.width, height=model.card.height)
        except NoPhotoError as error:
            print(f"{name}: {error}", file=sys.stderr)
            yield None
            continue
        probabilities = model.infer(pixels)
        label = int(np.argmax(probabilities))
        confidence = min(float(probabilities[label]), 1.0)
        class_name = model.card.labels[label]
        yield {
            "photo": name,
            "class": class_name,
            "bin": bins.bin_for(class_name, confidence),
            "confidence": round(confidence, 4),
        }


def read(path: Path, *, width: int, height: int) -> Pixels:
    """A photo as the model sees it. Raises NoPhotoError.

    JPEGs go the camera's way. What no camera delivers (PNG, CMYK, a turned phone photo) takes
    Pillow first, where it is installed.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise NoPhotoError(f"over {_LARGEST >> 20} MB")
        content = path.read_bytes()
    except OSError as error:
        raise NoPhotoError(str(error.strerror)) from error
    if content.startswith(_JPEG) and b"Exif\0" not in content[:_EXIF_BYTES]:
        try:
            return model_input(content, width=width, height=height)
        except BadFrameError:
            pass
    return _with_pillow(content, width=width, height=height)


def _with_pillow(content: bytes, *, width: int, height: int) -> Pixels:
    try:
        # A training and laptop package; cameras have none and need none.
        from PIL import Image, ImageOps  # noqa: PLC0415
    except ImportError as error:
        raise NoPhotoError("not a JPEG as cameras deliver; Pillow is not installed") from error
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            upright = image.getexif().get(0x0112, 1) == 1
            if image.format == "JPEG" and image.mode == "RGB" and upright:
                return model_input(content, width=width, height=height)
            picture = ImageOps.exif_transpose(image)
            if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
                layered = picture.convert("RGBA")
                picture = Image.new("RGBA", layered.size, "white")
                picture.alpha_composite(layered)
            elif picture.mode.startswith("I"):
                picture = picture.convert("I").point(lambda value: value / 257).convert("L")
            rgb = np.asarray(picture.convert("RGB"))
    except Exception as error:
        # Decoders raise anything; no file ends the run.
        raise NoPhotoError(f"no photo: {type(error).__name__}") from error
    return resize(rgb, width=width, height=height)


def _load(archive: Path, scratch: Path, *, threads: int) -> Model:
    store = ModelStore(scratch, threads=threads)
    store.prepare()
    return store.stage(archive, name=ModelName(digest=file_digest(archive), version="local"))


def _write(out: Path, answers: Iterator[dict[str, object] | None]) -> tuple[int, int]:
    """Write the answers in one step or not at all; how many, and how many files were skipped."""
    lines, skipped = [], 0
    for answer in answers:
        if answer is None:
            skipped += 1
        else:
            lines.append(json.dumps(answer, ensure_ascii=False))
    text = "".join(f"{line}\n" for line in lines)
    if str(out) == "-":
        sys.stdout.write(text)
    else:
        part = out.with_name(f".{out.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(out)
    return len(lines), skipped


if __name__ == "__main__":
    sys.exit(main())
