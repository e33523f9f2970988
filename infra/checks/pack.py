# SPDX-License-Identifier: Apache-2.0
"""The rules as a validation plugin of the CDK, beside cdk-nag's packs."""

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
import jsii

from infra.checks.rule import PACK, Finding, Rule, check
from infra.checks.rules import RULES
from infra.checks.template import read_templates


@jsii.implements(cdk.IPolicyValidationPlugin)
class BinsightChecks:
    """Attach with ``cdk.Validations.of(app).add_plugins(BinsightChecks(prefix="binsight-dev"))``.

    An open finding fails synth. The CDK itself applies acknowledgements: give the id as
    ``BinsightChecks::BINSIGHT-IOT1``, on the smallest construct that has the finding.
    """

    def __init__(self, *, prefix: str | None = None, rules: Sequence[Rule] = RULES) -> None:
        self._prefix = prefix
        self._rules = rules

    @property
    def name(self) -> str:
        """The name in the report, and before the ``::`` of an acknowledgement."""
        return PACK

    @property
    def version(self) -> str:
        """Increase this when a rule is added or becomes stricter."""
        return "1.0.0"

    @property
    def rule_ids(self) -> list[str]:
        """All rules that are checked."""
        return [rule.id for rule in self._rules]

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Check the templates that synth has just written."""
        paths = [Path(path) for path in context.template_paths]
        files = {path.name.removesuffix(".template.json"): str(path) for path in paths}
        violations = [
            _violation(rule, finding, files[template.name])
            for template, rule, finding in check(
                read_templates(paths, prefix=self._prefix), self._rules
            )
        ]
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def _violation(rule: Rule, finding: Finding, path: str) -> cdk.PolicyViolation:
    return cdk.PolicyViolation(
        rule_name=rule.id,
        description=f"{rule.id}: {finding.detail}",
        fix=rule.fix,
        # Without a severity the CDK counts the report as passed once anything is acknowledged.
        severity="error",
        violating_resources=[
            cdk.PolicyViolatingResource(
                resource_logical_id=finding.logical_id,
                template_path=path,
                locations=[finding.path],
            )
        ],
    )
