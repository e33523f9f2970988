# SPDX-License-Identifier: Apache-2.0
"""Roles that GitHub Actions assumes without any stored key: one deploys, one only reads."""

import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.common.role import Allow

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
_OWNER, _NAME = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", r"[A-Za-z0-9._-]{1,100}"
REPOSITORY = re.compile(rf"{_OWNER}/{_NAME}|{_OWNER}@[1-9]\d{{0,19}}/{_NAME}@[1-9]\d{{0,19}}")
"""A repository as GitHub's tokens name it: owner/name, or owner@1/name@2 with numbers that are
never reused (immutable subject claims: every repository created, renamed or moved since
2026-07-15). Exactly one of the two forms, never a wildcard, which would trust other people's
repositories."""

DEPLOY_ROLES = ("deploy", "file-publishing", "lookup")
"""Of the CDK's bootstrap roles. Not image-publishing: Binsight has no container images."""
DIFF_ROLES = ("lookup",)


class GithubRoles(Construct):
    """Two roles for the jobs of one repository, each for one GitHub environment.

    ``deploy`` may only assume the CDK's bootstrap roles of this account and region, which the
    CloudFormation execution policy limits. ``diff`` may only assume the lookup role, which is
    read-only. A job proves by its token's subject that it runs in the GitHub environment whose
    approvals protect the role: ``<environment>`` deploys, ``<environment>-diff`` only reads.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        repository: str,
        environment: str,
        qualifier: str,
        make_provider: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        if not REPOSITORY.fullmatch(repository):
            raise ValueError(
                f"repository {repository!r}: allowed: owner/name as on GitHub, or with both "
                "numbers owner@1/name@2 where its tokens have them"
            )
        self._stack = cdk.Stack.of(self)
        self._qualifier = qualifier
        provider = self._provider() if make_provider else None
        self.deploy = self._role(
            "Deploy",
            "GitHub Actions: deploys this environment through the CDK's roles",
            subject=f"repo:{repository}:environment:{environment}",
            may_take=DEPLOY_ROLES,
        )
        self.diff = self._role(
            "Diff",
            "GitHub Actions: compares this environment with a change, reads only",
            subject=f"repo:{repository}:environment:{environment}-diff",
            may_take=DIFF_ROLES,
        )
        if provider is not None:
            for role in (self.deploy, self.diff):
                role.node.add_dependency(provider)

    def _provider(self) -> iam.OidcProviderNative:
        """One per account and issuer; retained, because other stacks' roles may trust it by now."""
        return iam.OidcProviderNative(
            self,
            "Provider",
            url=f"https://{ISSUER}",
            client_ids=[AUDIENCE],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _role(
        self, construct_id: str, description: str, *, subject: str, may_take: Sequence[str]
    ) -> iam.Role:
        account, region = self._stack.account, self._stack.region
        policy = iam.ManagedPolicy(
            self,
            f"{construct_id}Policy",
            description=description,
            statements=[
                Allow(
                    actions=["sts:AssumeRole"],
                    resources=[
                        self._iam_arn(
                            "role", f"cdk-{self._qualifier}-{name}-role-{account}-{region}"
                        )
                        for name in may_take
                    ],
                )
            ],
        )
        return iam.Role(
            self,
            construct_id,
            description=description,
            max_session_duration=cdk.Duration.hours(1),
            managed_policies=[policy],
            assumed_by=iam.WebIdentityPrincipal(
                self._iam_arn("oidc-provider", ISSUER),
                {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}},
            ),
        )

    def _iam_arn(self, resource: str, name: str) -> str:
        return self._stack.format_arn(
            service="iam", region="", resource=resource, resource_name=name
        )
