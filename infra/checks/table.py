# SPDX-License-Identifier: Apache-2.0
"""Write docs/rules.md from the rules: ``python -m infra.checks.table``."""

from pathlib import Path

from infra.checks.rules import RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"

_HEAD = """\
# The rules of BinsightChecks

<!-- Written by `python -m infra.checks.table` from infra/checks/rules/. Do not edit by hand. -->

These rules run at every synth, beside cdk-nag's AwsSolutions and NIST 800-53 R5 packs; an open
finding fails it. They cover what those packs lack. `python -m infra.checks cdk.out` runs them over
templates that are already written.

To accept a finding, acknowledge it on the smallest construct that has it, with the exact id and
a reason that a reviewer can weigh:

```python
acknowledge(construct, {"BinsightChecks::BINSIGHT-LOG1": "why this one is right as it is"})
```

| id | rule | why | how to fix |
|---|---|---|---|
"""


def page() -> str:
    """The expected content of the page."""
    rows = [f"| {rule.id} | {rule.title} | {rule.why} | {rule.fix} |" for rule in RULES]
    # A browser would treat <bucket> as an HTML element.
    return _HEAD + "\n".join(rows).replace("<", "&lt;") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
