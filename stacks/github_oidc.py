# SPDX-License-Identifier: Apache-2.0
"""The roles that GitHub Actions deploys with: a small app of its own.

    make deploy-pipeline-roles ENV=dev REPOSITORY=owner/name

is ``cdk deploy --app ".venv/bin/python -m stacks.github_oidc" -c repository=owner/name``. A
person runs it once per environment, with their own credentials. The pipeline cannot change these
roles: the stack is deployed with the caller's credentials, not through the CDK's bootstrap roles.

Context: ``environment`` (or BINSIGHT_ENVIRONMENT), ``repository``, ``qualifier`` where the account
was bootstrapped with one, ``provider=existing`` where the account already trusts GitHub.
"""

import os
import sys

import aws_cdk as cdk
from constructs import Construct

from infra.common.compliance import attach_rule_packs
from infra.common.stack import EnvironmentStack
from infra.config.settings import Settings, SettingsError, load
from infra.delivery.github_roles import GithubRoles

DEFAULT_QUALIFIER = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
PROVIDER = ("new", "existing")


class PipelineRolesStack(EnvironmentStack):
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
        super().__init__(
            scope,
            construct_id,
            settings=settings,
            stack_name=f"{settings.prefix}-pipeline-roles",
            description=f"Binsight pipeline roles: what {repository} may do for {environment}",
            synthesizer=cdk.CliCredentialsStackSynthesizer(),
            # It holds no data, and `cdk destroy` must be able to remove a repository's access.
            termination_protection=False,
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
            self.output(
                name, role.role_arn, f"Variable AWS_ROLE_ARN of the GitHub environment {where}"
            )
        self.state_deletion_policies()


def build(app: cdk.App) -> PipelineRolesStack:
    """The stack for the app's context. Raises ValueError naming what is missing or wrong."""
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
