# SPDX-License-Identifier: Apache-2.0
"""The first stage of a fleet rehearsal: every camera enrols with a kit of `make enrolment`."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from rehearsal.account import Account
from rehearsal.account_stages import operator_of
from rehearsal.cameras import nucleus_of
from rehearsal.enrolment import Kit, make_kit
from rehearsal.errors import RehearsalError
from rehearsal.fleet.run import Enrolled, Run, Size
from rehearsal.fleet.sites import SiteProcess

CANARIES = 5
"""Generated canaries where no camera is real."""


def real_serials(size: Size) -> list[str]:
    """Serial numbers of the cameras that run the real program."""
    return [f"real-{size.seed}-{number:02d}" for number in range(size.real)]


def real_canaries(size: Size) -> list[str]:
    """Those of them that get models first."""
    return real_serials(size)[::2]


def enrol_fleet(run: Run, account: Account, cleanup: ExitStack) -> Enrolled:
    """Enrol every generated camera, and make some canaries. Raises RehearsalError."""
    operator = operator_of(account)
    cloud = account.cloud(account.people.operator)
    outputs = cloud.outputs()
    serials = [f"{run.serial_prefix}{number:04d}" for number in range(run.size.cameras)]
    with run.stages.stage("enrolment kit", "claim certificate and list, by `make enrolment`"):
        listed = [*serials, *real_serials(run.size)]
        kit = make_kit(operator, listed, run.host.work / "enrolment", account.aws)
    before = run.load(account.aws)
    with run.stages.stage("enrol", f"{len(serials)} cameras over MQTT with mutual TLS"):
        sites = _sites(run, account, outputs=outputs, kit=kit, serials=serials, cleanup=cleanup)
        sites[0].start()
        unlisted = sites[0].ask("warm", serial="unlisted", wait=600)["refused"]
        started, failed = time.monotonic(), []
        for site in sites:
            if not site.running:
                site.start()
            failed.append(site.ask("enrol", wait=1800)["failed"])
        seconds = time.monotonic() - started
    after = run.load(account.aws)
    refused = {key: text for part in failed for key, text in part.items()}
    known = len(run.truth.things)
    run.findings.add(
        "cameras enrolled",
        f"{known} in {seconds:.1f} s, {known / seconds:.1f} a second",
        bound=f"all {len(serials)}",
        kept=known == len(serials) and not refused,
    )
    run.findings.add("enrolments tried again", len(run.truth.again))
    run.findings.add(
        "a serial number that is not on the list",
        "refused" if unlisted else "taken",
        bound="refused",
        kept=bool(unlisted),
    )
    run.say_load("enrolment", before, after, seconds)
    if refused:
        raise RehearsalError(f"cameras that did not enrol: {list(refused.items())[:5]}")
    # A slow or crashing model is one on generated cameras only, and a bake fails by the share of
    # the canaries that are unwell: real canaries must not be half of them.
    many = CANARIES + len(real_canaries(run.size))
    canaries = list(range(0, len(serials), max(1, len(serials) // many)))[:many]
    with run.stages.stage("canaries", "some cameras get models first, by `make cameras`"):
        operator.run("tools.cameras", "--canary", ",".join(serials[one] for one in canaries))
    return Enrolled(
        canaries=canaries,
        kit=kit,
        aws=account.aws,
        operator=operator,
        cloud=cloud,
        outputs=outputs,
        sites=sites,
        serials=serials,
    )


def _sites(
    run: Run,
    account: Account,
    *,
    outputs: Mapping[str, str],
    kit: Kit,
    serials: list[str],
    cleanup: ExitStack,
) -> list[SiteProcess]:
    settings = run.host.settings
    bins = settings.bins.policy()
    given: dict[str, Any] = {
        "seed": run.size.seed,
        "mqtt_port": account.aws.mqtt_port,
        "root_ca": str(kit.endpoint.root_ca),
        "claim": [str(kit.claim.certificate), str(kit.claim.key)],
        "prefix": settings.prefix,
        "template": outputs["ProvisioningTemplate"],
        "nucleus": nucleus_of(settings),
        "topic_prefix": settings.camera.topic_prefix,
        "bins": bins.to_json(),
    }
    folder = run.host.work / "sites"
    sites = []
    for first in range(0, len(serials), run.size.per_site):
        number = first // run.size.per_site
        cameras = dict(enumerate(serials[first : first + run.size.per_site], first))
        own = {**given, "cameras": cameras, "folder": str(folder / f"site-{number}")}
        site = SiteProcess(own, folder / f"site-{number}.json", run.truth.hear)
        cleanup.callback(site.cut_power)
        sites.append(site)
    return sites
