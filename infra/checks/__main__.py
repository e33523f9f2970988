# SPDX-License-Identifier: Apache-2.0
"""Check an assembly that is already written: ``python -m infra.checks cdk.out [PREFIX]``.

Acknowledgements are ignored: this lists all findings in the templates.
"""

import sys
from pathlib import Path

from contracts.command_line import run_command
from infra.checks.rule import check
from infra.checks.rules import RULES
from infra.checks.template import read_templates


def main(arguments: list[str]) -> int:
    """Print every finding; return 1 if there is one, 2 if there is nothing to check."""
    if len(arguments) not in (1, 2):
        print("usage: python -m infra.checks FOLDER [PREFIX]", file=sys.stderr)
        return 2
    paths = sorted(Path(arguments[0]).glob("*.template.json"))
    if not paths:
        print(f"{arguments[0]}: no *.template.json here; run cdk synth first", file=sys.stderr)
        return 2
    templates = read_templates(paths, prefix=arguments[1] if len(arguments) > 1 else None)
    findings = list(check(templates, RULES))
    for template, rule, finding in findings:
        print(f"{template.name} {finding.logical_id} {finding.path}: {rule.id}: {finding.detail}")
    resources = sum(len(template.resources) for template in templates)
    print(f"{len(findings)} findings in {resources} resources, {len(RULES)} rules")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
