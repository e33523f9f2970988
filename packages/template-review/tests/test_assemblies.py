# SPDX-License-Identifier: Apache-2.0
"""Stacks that stand in no top-level manifest entry: of stages, nested ones, and loops."""

import json
from pathlib import Path
from typing import Any

import pytest

from review_testing.pairs import resource
from template_review.comparison import differ
from template_review.errors import ReviewError
from template_review.model import Assembly
from template_review.synthesis.assembly import read_assembly
from template_review.verdict import items_of, verdict

OPEN = [{"CidrIp": {"Ref": "From"}, "IpProtocol": "-1"}]
GROUP = resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=OPEN)


def write(folder: Path, template: dict[str, Any]) -> None:
    """An assembly as the CDK writes one with one stack."""
    folder.mkdir(parents=True)
    (folder / "Data.template.json").write_text(json.dumps(template), encoding="utf-8")
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://111111111111/us-east-1",
        "properties": {"templateFile": "Data.template.json", "stackName": "data"},
    }
    manifest(folder, {"Data": stack})


def manifest(folder: Path, artifacts: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")


def in_a_stage(folder: Path, template: dict[str, Any]) -> Assembly:
    write(folder / "assembly-Prod" / "assembly-Prod-Eu", template)
    for name, inside in (("Prod", folder), ("Prod-Eu", folder / "assembly-Prod")):
        properties = {"directoryName": f"assembly-{name}"}
        manifest(inside, {name: {"type": "cdk:cloud-assembly", "properties": properties}})
    return read_assembly(folder, "default")


def nested(folder: Path, inner: dict[str, Any] | None, *, source: str = "10.0.0.0/8") -> Assembly:
    """A stack with a stack in it, at the address of its content's digest."""
    part = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": f"https://s3/{hash(json.dumps(inner))}.json",
            "Parameters": {"From": source},
        },
        "Metadata": {"aws:asset:path": "Inner.nested.template.json"},
    }
    write(folder, {"Resources": {} if inner is None else {"Inner": part}})
    if inner is not None:
        (folder / "Inner.nested.template.json").write_text(json.dumps(inner), encoding="utf-8")
    return read_assembly(folder, "default")


def judged(before: Assembly, after: Assembly) -> tuple[str, list[str]]:
    (pair,) = differ.compare([("default", before, after)])
    items = items_of(pair)
    return verdict(items).words, [f"{item.subject}: {item.text}" for item in items]


TABLE = {"Resources": {"Table": resource("AWS::DynamoDB::Table")}}
EMPTY: dict[str, Any] = {"Resources": {}}


@pytest.mark.parametrize("read", [in_a_stage, nested])
def test_a_stack_inside_is_judged_as_any_other(read, tmp_path: Path):
    level, said = judged(read(tmp_path / "a", TABLE), read(tmp_path / "b", EMPTY))
    assert level == "dangerous", said
    assert [text for text in said if "Table: AWS::DynamoDB::Table removed" in text], said


def test_a_nested_stack_that_did_not_change_is_not_mentioned(tmp_path: Path):
    level, said = judged(nested(tmp_path / "a", TABLE), nested(tmp_path / "b", TABLE))
    assert (level, said) == ("safe", [])


def test_a_nested_stack_goes_with_what_is_in_it(tmp_path: Path):
    level, said = judged(nested(tmp_path / "a", TABLE), nested(tmp_path / "b", None))
    assert level == "dangerous", said
    assert [text for text in said if "nested stack removed: what is in it is deleted" in text]


def test_what_a_nested_stack_is_given_counts_where_it_is_used(tmp_path: Path):
    inner = {"Resources": {"Group": GROUP}}
    before = nested(tmp_path / "a", inner)
    level, said = judged(before, nested(tmp_path / "b", inner, source="0.0.0.0/0"))
    assert level == "dangerous", said
    assert [text for text in said if "Group: opened: -1 all-all from 0.0.0.0/0" in text], said


def loop(*names: str) -> dict[str, Any]:
    body = {"T${Name}": resource("AWS::DynamoDB::Table", TableName={"Ref": "Name"})}
    return {"Resources": {"Fn::ForEach::Tables": ["Name", list(names), body]}}


def test_a_loop_is_what_it_makes(tmp_path: Path):
    for name, template in (("a", loop("Red", "Blue")), ("b", loop("Red"))):
        write(tmp_path / name, template)
    before, after = (read_assembly(tmp_path / name, "default") for name in "ab")
    assert before.stacks["Data"].resources["TBlue"]["Properties"] == {"TableName": "Blue"}
    level, said = judged(before, after)
    assert level == "dangerous", said


def test_a_loop_over_a_parameter_is_looked_at(tmp_path: Path):
    for name, parameter in (("a", "One"), ("b", "Two")):
        values = {"Ref": parameter}
        template = {"Resources": {"Fn::ForEach::Tables": ["Name", values, {}]}}
        write(tmp_path / name, template)
    level, said = judged(*(read_assembly(tmp_path / name, "default") for name in "ab"))
    assert level == "look closely", said


def test_a_byte_order_mark_is_no_fault_and_a_broken_file_is_named(tmp_path: Path):
    write(tmp_path / "a", TABLE)
    path = tmp_path / "a" / "Data.template.json"
    path.write_text("\ufeff" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert "Table" in read_assembly(tmp_path / "a", "default").stacks["Data"].resources
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ReviewError, match=r"Data\.template\.json: not a readable"):
        read_assembly(tmp_path / "a", "default")
