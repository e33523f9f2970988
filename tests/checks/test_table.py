# SPDX-License-Identifier: Apache-2.0
"""The rules as a set: complete, documented, and runnable over written templates."""

import json
import pkgutil
import re

import pytest

from infra.checks import rules as folder
from infra.checks.__main__ import main
from infra.checks.rules import RULES
from infra.checks.table import PAGE, page
from infra.checks.template import text
from tests.checks.cases import resource


def test_every_file_is_a_rule_that_runs():
    files = {module.name for module in pkgutil.iter_modules(folder.__path__)}
    assert files == {rule.check.__module__.rpartition(".")[2] for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_says_why_and_what_to_do(rule):
    assert re.fullmatch(r"BINSIGHT-[A-Z]+\d", rule.id)
    assert len(rule.why) > 60
    assert rule.fix.endswith(".")
    assert "|" not in rule.title + rule.why + rule.fix, "it would break the table"


def test_the_page_is_what_the_rules_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m infra.checks.table"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("arn:x/${iot:ClientId}", "arn:x/${iot:ClientId}"),
        ({"Ref": "A"}, "<A>"),
        ({"Fn::GetAtt": ["A", "Arn"]}, "<A.Arn>"),
        ({"Fn::GetAtt": "A.Arn"}, "<A.Arn>"),
        ({"Fn::Join": ["/", [{"Ref": "A"}, "x"]]}, "<A>/x"),
        ({"Fn::Sub": "${A}/${!iot:ClientId}"}, "<A>/${iot:ClientId}"),
        ({"Fn::Sub": ["${a}/${B.Arn}", {"a": {"Ref": "A"}}]}, "<A>/<B.Arn>"),
        ({"Fn::ImportValue": "data:Key"}, "<data:Key>"),
        ({"Fn::Select": [0, []]}, "<Fn::Select>"),
        ({"a": 1}, '{"a": 1}'),
        (5, "5"),
    ],
)
def test_values_known_at_deployment_only_read_as_references(value, expected):
    assert text(value) == expected


def test_written_templates_can_be_checked(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no *.template.json here" in capsys.readouterr().err
    assert main([]) == 2
    body = resource("AWS::Logs::LogGroup", DeletionPolicy="Delete", UpdateReplacePolicy="Delete")
    (tmp_path / "A.template.json").write_text(json.dumps({"Resources": {"L": body}}))
    assert main([str(tmp_path), "binsight-dev"]) == 1
    said = capsys.readouterr().out
    assert "A L Properties.RetentionInDays: BINSIGHT-LOG2: the log group has no retention" in said
    assert "1 findings in 1 resources" in said
    body["Properties"]["RetentionInDays"] = 30
    (tmp_path / "A.template.json").write_text(json.dumps({"Resources": {"L": body}}))
    assert main([str(tmp_path)]) == 0
