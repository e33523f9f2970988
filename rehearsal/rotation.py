# SPDX-License-Identifier: Apache-2.0
"""One camera gets another certificate, as docs/how-to says, and the one it had ends.

`make cameras` allows it, the kit's `rotate.py` does it on the box, and `make cameras` ends the old
certificate. The nucleus is not running meanwhile.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

from rehearsal.cameras import SERIALS, Cameras
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.mqtt import Certificate, Connection, RefusedError

_NOTHING = ("true",)


def rotate(cameras: Cameras) -> str:
    """Rotate the canary's certificate; what was done, in words. Raises RehearsalError.

    The camera is ended before: its connection is the old certificate's.
    """
    [serial, *_] = SERIALS
    kit, prefix = cameras.kit, cameras.cloud.prefix
    cameras.canary.stop()
    identity = cameras.canary.folder / "identity"
    own = Certificate(certificate=identity / "certificate.pem", key=identity / "private.key")
    before = _copied(own, cameras.canary.folder / "before")
    cameras.operator.run("tools.cameras", "--rotate", serial)
    program = _program(kit.folder / "rotate.py")
    try:
        made = program.rotate(
            program.Box(
                endpoint=kit.endpoint.host,
                port=kit.endpoint.port,
                root_ca=kit.endpoint.root_ca,
                claim=program.Pair(kit.claim.certificate, kit.claim.key),
                own=program.Pair(own.certificate, own.key),
                prefix=prefix,
                serial=serial,
                template=cameras.outputs["ProvisioningTemplate"],
                stop=_NOTHING,
                start=_NOTHING,
            )
        )
    except program.RotationError as error:
        raise RehearsalError(
            f"camera {serial} keeps the certificate that it has: {error}"
        ) from error
    cameras.operator.run("tools.cameras", "--rotated", f"{serial}:{made}")
    thing = f"{prefix}-{serial}"
    Connection(kit.endpoint, own, thing).open().close()
    try:
        Connection(kit.endpoint, before, thing).open().close()
    except RefusedError:
        return f"{thing} connects with certificate {made[:8]}, and no more with the one before"
    raise RehearsalError(f"{thing} still connects with the certificate that `make cameras` ended")


def _copied(pair: Certificate, folder: Path) -> Certificate:
    folder.mkdir()
    copy = Certificate(certificate=folder / "certificate.pem", key=folder / "private.key")
    copy.certificate.write_bytes(pair.certificate.read_bytes())
    copy.key.write_bytes(pair.key.read_bytes())
    return copy


def _program(file: Path) -> ModuleType:
    """The kit's program; a box has no packages, so it is a file and not a module."""
    spec = importlib.util.spec_from_file_location("rotate", file)
    if spec is None or spec.loader is None:
        raise RehearsalError(f"{file}: the kit has no program that rotates certificates")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
