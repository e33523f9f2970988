# SPDX-License-Identifier: Apache-2.0
"""The roles that GitHub Actions deploys with: a small app of its own.

    make deploy-pipeline-roles ENV=dev REPOSITORY=owner/name

is ``cdk deploy --app ".venv/bin/python -m stacks.github_oidc" -c repository=owner/name``. A
person runs it once per environment, with their own credentials. The pipeline cannot change these
roles: the stack is deployed with the caller's credentials, not through the CDK's bootstrap roles.

Context: ``environment`` (or BINSIGHT_ENVIRONMENT), ``repository``, ``qualifier`` where the account
was bootstrapped with one, ``provider=existing`` where the account trusts GitHub already.
"""

import os
import sys

import aws_cdk as cdk
from constructs import Construct

from infra.common.compliance import attach_rule_packs
from infra.config.settings import Settings, SettingsError, load
from infra.delivery.github_roles import GithubRoles

DEFAULT_QUALIFIER = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
PROVIDER = ("new", "existing")


class PipelineRolesStack(cdk.Stack):
    """The two roles of one environment; their ARNs go into GitHub's environment variables."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        environment: str,
        repository: str,
        qualifier: str = DEFAULT_QUALIFIER,
        make_provider: bool = True,
    ) -> None:
        boundary = settings.permissions_boundary
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-pipeline-roles",
            description=f"Binsight pipeline roles: what {repository} may do for {environment}",
            env=cdk.Environment(account=settings.account, region=settings.region),
            tags=dict(settings.tags),
            synthesizer=cdk.CliCredentialsStackSynthesizer(),
            permissions_boundary=(
                cdk.PermissionsBoundary.from_name(boundary) if boundary else None
            ),
        )
        roles = GithubRoles(
            self,
            "Github",
            repository=repository,
            environment=environment,
            qualifier=qualifier,
            make_provider=make_provider,
        )
        for name, role, where in (
            ("DeployRoleArn", roles.deploy, environment),
            ("DiffRoleArn", roles.diff, f"{environment}-diff"),
        ):
            cdk.CfnOutput(
                self,
                name,
                value=role.attr_arn,
                description=f"Variable AWS_ROLE_ARN of the GitHub environment {where}",
            )
        for construct in self.node.find_all():
            if isinstance(construct, cdk.CfnResource):
                options = construct.cfn_options
                options.deletion_policy = options.deletion_policy or cdk.CfnDeletionPolicy.DELETE
                options.update_replace_policy = (
                    options.update_replace_policy or cdk.CfnDeletionPolicy.DELETE
                )


def build(app: cdk.App) -> PipelineRolesStack:
    """The stack that the app's context asks for; ValueError says what is missing or wrong."""
    context = app.node.try_get_context
    environment = context("environment") or os.environ.get("BINSIGHT_ENVIRONMENT") or "dev"
    repository = context("repository")
    if not repository:
        raise ValueError("REPOSITORY is missing (-c repository=owner/name as on GitHub)")
    provider = context("provider") or PROVIDER[0]
    if provider not in PROVIDER:
        raise ValueError(f"provider {provider!r}: allowed: {', '.join(PROVIDER)}")
    settings = load(environment)
    stack = PipelineRolesStack(
        app,
        "PipelineRoles",
        settings=settings,
        environment=environment,
        repository=repository,
        qualifier=context("qualifier") or DEFAULT_QUALIFIER,
        make_provider=provider == "new",
    )
    attach_rule_packs(app, prefix=settings.prefix)
    return stack


def main() -> None:
    """Synthesise the roles of the environment that the context names."""
    app = cdk.App()
    try:
        build(app)
    except (SettingsError, ValueError) as error:
        sys.exit(f"binsight: {error}")
    app.synth()


if __name__ == "__main__":
    main()
