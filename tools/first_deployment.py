# SPDX-License-Identifier: Apache-2.0
"""The exact commands that prepare an account and deploy an environment into it."""

import shlex
from collections.abc import Iterator, Mapping

from infra.config.settings import Settings

EXECUTION_POLICIES = {
    "cloudformation": "infra/delivery/cloudformation_execution_policy.json",
    "cloudformation-services": "infra/delivery/cloudformation_services_policy.json",
}
"""The policies that limit CloudFormation, by the end of their names.

There are two because IAM allows 6,144 characters in one: IAM, storage, keys and logs in the first,
the other services in the second.
"""
SHIPPED = "binsight"
"""The beginning of resource names in the shipped policies."""


def commands(name: str, settings: Settings, others: Mapping[str, Settings]) -> str:
    """The commands to run, in order, with the reason above each one.

    ``others`` are the existing environments: an account and region is bootstrapped once for all
    environments in it, and its policies must cover them all.
    """
    neighbours = {
        other: one
        for other, one in others.items()
        if other != name and (one.account, one.region) == (settings.account, settings.region)
    }
    steps = [
        *_policy(settings, neighbours),
        *_bootstrap(name, settings, neighbours),
        (
            (
                "What the deployment would do, then the deployment itself; tags and permissions "
                "boundary of the stacks come from the settings"
            ),
            [f"make diff ENV={name}", f"make deploy ENV={name}"],
        ),
    ]
    return "\n\n".join(
        "\n".join([f"# {number}. {why}", *what])
        for number, (why, what) in enumerate(steps, start=1)
    )


def policy_names(prefix: str) -> dict[str, str]:
    """The name of each execution policy, and its file.

    They cover all environments whose prefix begins with ``binsight-``.
    """
    begin = SHIPPED if _is_covered(prefix) else prefix
    return {f"{begin}-{end}": file for end, file in EXECUTION_POLICIES.items()}


def in_prefix(policy: str, prefix: str) -> str:
    """A shipped policy's text, for the resources of an environment with this prefix."""
    if _is_covered(prefix):
        return policy
    own = policy.replace(f"{SHIPPED}-", f"{prefix}-")
    return own.replace(f"{SHIPPED}_", f"{_underscored(prefix)}_")


def _is_covered(prefix: str) -> bool:
    return prefix.startswith(f"{SHIPPED}-")


def _policy(
    settings: Settings, neighbours: Mapping[str, Settings]
) -> Iterator[tuple[str, list[str]]]:
    prefix = settings.prefix
    if any(policy_names(one.prefix) == policy_names(prefix) for one in neighbours.values()):
        return
    why = (
        f"Once in account {settings.account}, with credentials that may change IAM: the policies "
        "that limit CloudFormation here (the CDK's default is AdministratorAccess)"
    )
    yield why, [line for name, file in policy_names(prefix).items() for line in _make(name, file)]


def _make(name: str, file: str) -> Iterator[str]:
    """The commands that make one execution policy."""
    create = f"aws iam create-policy --policy-name {name} --policy-document file://"
    prefix = name.partition("-cloudformation")[0]
    if prefix == SHIPPED:
        yield create + file
        return
    own = f"cdk.out/{name}.json"
    hyphens, underscores = f"s/{SHIPPED}-/{prefix}-/g", f"s/{SHIPPED}_/{_underscored(prefix)}_/g"
    yield f"mkdir -p cdk.out && sed -e '{hyphens}' -e '{underscores}' {file} > {own}"
    yield create + own


def _bootstrap(
    name: str, settings: Settings, neighbours: Mapping[str, Settings]
) -> Iterator[tuple[str, list[str]]]:
    account, region = settings.account, settings.region
    names = {name for one in [settings, *neighbours.values()] for name in policy_names(one.prefix)}
    if neighbours and len(names) == len(EXECUTION_POLICIES):
        yield (
            (
                f"Nothing to bootstrap: {account}, {region} is shared with "
                f"{', '.join(sorted(neighbours))}, whose bootstrap stack and policies serve this "
                "environment too"
            ),
            [],
        )
        return
    policies = ",".join(f"arn:aws:iam::{account}:policy/{one}" for one in sorted(names))
    boundary = settings.permissions_boundary
    parts = [
        f".venv/bin/cdk bootstrap aws://{account}/{region} -c environment={name}",
        f"--cloudformation-execution-policies {policies}",
        f"--custom-permissions-boundary {boundary}" if boundary else "",
        *(f"--tags {shlex.quote(f'{key}={value}')}" for key, value in settings.tags.items()),
    ]
    line = " \\\n  ".join(part for part in parts if part)
    yield (
        "Once per account and region: the CDK's bootstrap stack, limited by those policies",
        [line],
    )


def _underscored(prefix: str) -> str:
    return prefix.replace("-", "_")
