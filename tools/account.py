# SPDX-License-Identifier: Apache-2.0
"""Sessions in an environment's account, with the caller's credentials, and its stacks' names."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.config.settings import Settings

STACKS = ("Data", "Training", "Edge", "Insights")
"""In the order in which they are deployed."""


class AccountError(Exception):
    """The environment or the credentials are not those that the command needs."""


def session_for(settings: Settings, *, profile: str = "") -> boto3.Session:
    """A session in the environment's region; AccountError for credentials of another account.

    ``profile`` names an AWS profile; without one the usual credentials are used.
    """
    try:
        session = boto3.Session(region_name=settings.region, profile_name=profile or None)
        found = session.client("sts").get_caller_identity()["Account"]
    except EOFError as error:
        raise AccountError(
            "the profile asks for an MFA code, and there is no terminal to ask at: get credentials "
            "with aws sts get-session-token first, or run the command at a terminal"
        ) from error
    except (OSError, RuntimeError, ValueError) as error:
        # boto3 raises plain errors for invalid AWS_MAX_ATTEMPTS, AWS_ENDPOINT_URL and
        # AWS_CA_BUNDLE, and for a credential_process whose credentials have expired.
        raise AccountError(
            f"the AWS settings of this machine (AWS_..., ~/.aws): {error}"
        ) from error
    if found != settings.account:
        of = f"the credentials of profile {profile}" if profile else "the credentials"
        raise AccountError(f"{of} are for account {found}, the environment is {settings.account}")
    return session


def require_training(settings: Settings, instead: str) -> None:
    """AccountError if the environment takes another one's models; ``instead`` is what to do then.

    Photos in its dataset bucket would not be trained on.
    """
    if source := settings.training.source:
        raise AccountError(
            f"{settings.prefix} does not train: it takes the models of {source} (training.from); "
            f"instead: {instead}"
        )


def stack_name(settings: Settings, stack: str) -> str:
    """The CloudFormation name of one of `STACKS`."""
    return f"{settings.prefix}-{stack.lower()}"


def outputs(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """The outputs of a described stack by name; empty if there is no stack."""
    return {one["OutputKey"]: one["OutputValue"] for one in (stack or {}).get("Outputs", [])}


def describe(session: boto3.Session, name: str) -> Mapping[str, Any] | None:
    """A stack by its name, or None if there is none; deleted stacks are not found by name."""
    try:
        answer = session.client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    stack: Mapping[str, Any] = answer["Stacks"][0]
    # A change set that was never executed leaves an empty stack.
    return None if stack["StackStatus"] == "REVIEW_IN_PROGRESS" else stack
