# SPDX-License-Identifier: Apache-2.0
"""How dangerous a gained or lost grant is."""

import re
from dataclasses import replace

from template_review.iam.compare import Gain
from template_review.iam.grants import DEVICE, IDENTITY, RESOURCE, TRUST, Grant
from template_review.iam.statements import TEMPLATE
from template_review.iam.wildcards import matches
from template_review.model import Level
from template_review.resources.outsiders import Ours, strangers

ESCALATION = (
    *("iam:AddUserToGroup", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:CreateAccessKey"),
    *("iam:CreateLoginProfile", "iam:CreatePolicyVersion", "iam:DeleteRolePermissionsBoundary"),
    *("iam:PutRolePolicy", "iam:PutUserPolicy", "iam:SetDefaultPolicyVersion"),
    *("iam:UpdateAssumeRolePolicy", "cloudtrail:StopLogging", "kms:PutKeyPolicy"),
)
"""With these, a principal can grant itself the rest or remove traces."""

SENSITIVE = (
    *("iam:PassRole", "iam:CreateRole", "sts:AssumeRole", "kms:ScheduleKeyDeletion"),
    *("kms:DisableKey", "kms:CreateGrant", "s3:PutBucketPolicy", "s3:DeleteBucket"),
    *("s3:PutBucketPublicAccessBlock", "s3:PutObjectAcl", "lambda:UpdateFunctionCode"),
    *("lambda:AddPermission", "dynamodb:DeleteTable", "logs:DeleteLogGroup"),
    *("iot:AttachPolicy", "iot:CreatePolicyVersion", "iot:UpdateRoleAlias"),
    *("greengrass:CreateDeployment", "greengrass:CreateComponentVersion"),
    *("secretsmanager:GetSecretValue", "ssm:GetParameter*"),
)
"""Fine on one named resource, dangerous on all."""

NO_RESOURCE_LEVEL = (
    *("cloudwatch:PutMetricData", "ecr:GetAuthorizationToken", "ec2:Describe*", "xray:Put*"),
    *("xray:GetSampling*", "logs:DescribeLogGroups", "logs:*LogDeliver*", "logs:*ResourcePolic*"),
    *("iot:DescribeEndpoint", "iot:CreateKeysAndCertificate", "sts:GetCallerIdentity"),
    *("iot:DescribeCertificate", "iot:RegisterThing", "kms:ListAliases"),
    *("greengrass:CreateDeployment", "greengrass:ListDeployments", "greengrass:ListCoreDevices"),
)
"""AWS has no smaller resource than "*" for these."""

POWERFUL_MANAGED = re.compile(r"(AdministratorAccess|PowerUserAccess|FullAccess|IAMFull)")
_WITHOUT_TLS = {"aws:securetransport", "s3:tlsversion"}
"""Conditions that only meet requests over unencrypted or badly encrypted connections."""
_DESTROYS = re.compile(r":(Delete|Remove|Schedule|Disable|Stop|Put\w*(Policy|Acl|Access))")
_OPEN = re.compile(
    r"^(\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:(\*|(?!cert/)[a-z-]+[/:]\*)|arn:aws:s3:::\*.*)$"
)
"""Every resource of a kind; certificates aside, whose names nobody knows before they exist."""


def judge_gain(gain: Gain, account: str, ours: Ours) -> tuple[Level, str]:
    """The level of a gained grant and why it is not the lowest."""
    how = gain.how
    # A condition of the template holds nobody back where it is true.
    condition = frozenset(each for each in gain.grant.condition if each[0] != TEMPLATE)
    grant = replace(gain.grant, condition=condition)
    level, why = _judge(grant, account)
    if others := _others(grant, ours):
        level, why = Level.DANGEROUS, "; ".join(filter(None, (why, f"concerns {others}")))
    said = "; ".join(filter(None, (why, how)))
    if how.startswith(("condition dropped", "condition widened", "wider resource", "wider action")):
        return Level.DANGEROUS, said
    if how.startswith("condition changed") and grant.kind == TRUST:
        # Whom a role trusts is said by the condition where the principal is a service for all.
        return Level.DANGEROUS, f"{said}: another one may become this role"
    if how == "new principal" and grant.kind == TRUST and not grant.condition:
        new = "a new principal without a condition may become this role"
        return Level.DANGEROUS, "; ".join(filter(None, (why, new)))
    return level, said


def _judge(grant: Grant, account: str) -> tuple[Level, str]:  # noqa: PLR0911 - a list of cases
    if _outsider(grant, account):
        if grant.condition and grant.who.startswith(("anyone", "federated")):
            return Level.LOOK, f"{grant.who}, if the condition is met"
        return Level.DANGEROUS, f"{grant.who}: outside this account"
    but = "anything but"
    if grant.who.startswith("anyone but") or but in (grant.action[:12], grant.resource[:12]):
        return Level.DANGEROUS, "allows all but a list"
    if grant.action.startswith("everything in"):
        if POWERFUL_MANAGED.search(grant.action):
            return Level.DANGEROUS, "a managed policy with full access"
        return Level.LOOK, "a managed policy"
    if _is_root(grant, account):
        return Level.LOOK, "the account's own administrators"
    if grant.action == "*" or grant.action.endswith(":*"):
        return Level.DANGEROUS, "every action of the service"
    if grant.kind in {IDENTITY, DEVICE}:
        return _judge_identity(grant)
    if any(matches(each, grant.action, ignore_case=True) for each in ESCALATION):
        return Level.DANGEROUS, "can give itself more"
    return Level.LOOK, ""


def _judge_identity(grant: Grant) -> tuple[Level, str]:  # noqa: PLR0911 - a list of cases
    named = any(matches(grant.action, each, ignore_case=True) for each in ESCALATION)
    if named and grant.resource != "":
        return Level.DANGEROUS, "can give itself more"
    if grant.action.lower() == "sts:assumerole":
        return Level.DANGEROUS, "may act as another role"
    everywhere = _OPEN.match(grant.resource) is not None
    sensitive = any(
        matches(each, grant.action, ignore_case=True)
        or matches(grant.action, each, ignore_case=True)
        for each in SENSITIVE
    )
    unavoidable = any(matches(each, grant.action, ignore_case=True) for each in NO_RESOURCE_LEVEL)
    if sensitive and everywhere and not unavoidable:
        return Level.DANGEROUS, "a sensitive action on every resource"
    # A claim certificate connects under any client id by design; replacing a thing's own name by *
    # is caught as a wider resource.
    connects = grant.action == "iot:Connect"
    if grant.kind == DEVICE and everywhere and not connects and "${" not in grant.resource:
        return Level.DANGEROUS, "every device could act as any other"
    if grant.resource == "*":
        if unavoidable:
            return Level.LOOK, "AWS has no resource level for it"
        if grant.condition:
            return Level.LOOK, "every resource, under a condition"
        return Level.DANGEROUS, "every resource"
    if grant.resource.startswith("arn:aws:s3:::*"):
        return Level.DANGEROUS, "every bucket"
    if sensitive:
        return Level.LOOK, "a sensitive action"
    return Level.LOOK, ""


def judge_loss(grant: Grant, account: str) -> tuple[Level, str]:
    """The level of a lost grant: what needed it stops working."""
    if grant.kind == RESOURCE and _is_root(grant, account) and "kms:" in grant.action:
        return Level.DANGEROUS, "nobody can administer the key any more"
    return Level.LOOK, ""


def judge_gained_denial(grant: Grant) -> tuple[Level, str]:
    """A denial in a resource's policy can leave nobody who may use or change the resource."""
    if grant.kind not in {RESOURCE, TRUST} or not grant.who.startswith("anyone"):
        return Level.SAFE, ""
    keys = {key.lower() for operator, key, _ in grant.condition if operator != TEMPLATE}
    if keys and keys <= _WITHOUT_TLS:
        return Level.SAFE, ""
    everything = grant.action == "*" or grant.action.endswith(":*")
    if everything and not keys:
        return Level.DANGEROUS, "nobody can use it any more"
    if everything or (not keys and not _DESTROYS.search(grant.action)):
        return Level.LOOK, "who needs it may be denied"
    return Level.SAFE, ""


def judge_lost_denial(grant: Grant) -> tuple[Level, str]:
    """A denial that goes is access that comes."""
    if grant.who.startswith("anyone") or grant.kind == IDENTITY:
        return Level.DANGEROUS, "a denial that held for everyone is gone"
    return Level.LOOK, "a denial is gone"


def _outsider(grant: Grant, account: str) -> bool:
    who = grant.who
    if who == "anyone":
        return True
    if who.startswith("account "):
        return who != f"account {account}"
    if who.startswith("federated "):
        return True
    found = re.match(r"arn:[^:]*:(iam|sts)::(\d{12}):", who)
    return found is not None and found.group(2) != account


def _others(grant: Grant, ours: Ours) -> str:
    """Somebody else in the resource or in a condition: what is written there leaves the account."""
    if grant.resource.startswith("anything but"):
        return ""
    found = strangers(grant.resource, ours)
    for operator, key, values in grant.condition:
        if "Not" not in operator and "referer" not in key.lower():
            for value in values:
                found |= strangers(value, ours)
    return ", ".join(sorted(found.values()))


def _is_root(grant: Grant, account: str) -> bool:
    return grant.who == f"account {account}"
