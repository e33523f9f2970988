# SPDX-License-Identifier: Apache-2.0
"""The people of a rehearsed account, as in a new account on AWS.

The root user makes one administrator and is not used again. The administrator makes the policies
that `infra/` ships, bootstraps the CDK, and gives two people exactly the permissions that they
need: one who deploys by the bootstrap's roles, and one who operates what was deployed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from ministack_edge.clients import Credentials, root
from tools.first_deployment import in_prefix, policy_names

ROOT = Path(__file__).resolve().parent.parent
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
DEPLOYER_POLICY = "infra/delivery/deployer_policy.json"
OPERATOR_POLICY = "infra/delivery/operator_policy.json"


@dataclass(frozen=True, kw_only=True)
class People:
    """Credentials of each person, and the policies that limit CloudFormation (their ARNs)."""

    administrator: Credentials
    deployer: Credentials
    operator: Credentials
    execution_policies: tuple[str, ...]


def settle(*, endpoint: str, account: str, region: str, prefix: str) -> People:
    """Make the persons of an account, once per account; ``prefix`` is that of the environment."""
    iam = _iam(endpoint, region, root(account))
    administrator = _person(iam, "administrator", ADMINISTRATOR_ACCESS)
    iam = _iam(endpoint, region, administrator)
    return People(
        administrator=administrator,
        execution_policies=tuple(
            _policy(iam, name, file, prefix) for name, file in policy_names(prefix).items()
        ),
        deployer=_person(
            iam, "deployer", _policy(iam, f"{prefix}-deployer", DEPLOYER_POLICY, prefix)
        ),
        operator=_person(
            iam, "operator", _policy(iam, f"{prefix}-operator", OPERATOR_POLICY, prefix)
        ),
    )


def _iam(endpoint: str, region: str, credentials: Credentials) -> Any:
    return boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(retries={"max_attempts": 3}),
    )


def _policy(iam: Any, name: str, file: str, prefix: str) -> str:
    document = in_prefix((ROOT / file).read_text(encoding="utf-8"), prefix)
    # IAM counts white space too, until it is left out.
    document = json.dumps(json.loads(document), separators=(",", ":"))
    created = iam.create_policy(PolicyName=name, PolicyDocument=document)
    return str(created["Policy"]["Arn"])


def _person(iam: Any, name: str, policy: str) -> Credentials:
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
