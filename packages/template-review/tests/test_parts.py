# SPDX-License-Identifier: Apache-2.0
"""The parts of a review on their own."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from review_testing.changes import assembly, frozen, patched
from review_testing.plugin import PROJECT
from template_review.comparison import differ
from template_review.comparison.schema import own_name, replacing_properties
from template_review.comparison.text import Texts, short, shown
from template_review.cost.estimate import monthly
from template_review.cost.prices import Use
from template_review.iot.sql import query
from template_review.kinds.assets import read_asset
from template_review.kinds.findings import read_findings
from template_review.model import Assembly, Level, Pair, Project
from template_review.rendering.markdown import markdown
from template_review.rendering.summary import summary
from template_review.rendering.terminal import show
from template_review.resources.stateful import STATEFUL
from template_review.review import judged
from template_review.sagemaker.pipeline import definition, steps
from template_review.verdict import items_of

FROZEN = assembly(frozen())
TABLE = "Insights/Resources/LatestTableDFD631F0/Properties/KeySchema/0/AttributeName"


def changed(environment: str, prefix: str) -> Pair:
    """The same dangerous change in an environment of its own."""
    base = frozen()
    head = patched(base, [{"op": "add", "path": TABLE, "value": prefix + "-thing"}], base)
    pairs = differ.compare([(environment, assembly(base), assembly(head))])
    return replace(
        pairs[0],
        base=replace(assembly(base), prefix=prefix),
        head=replace(assembly(head), prefix=prefix),
    )


def test_values_are_resolved_across_stacks():
    texts, edge = Texts(FROZEN), FROZEN.stacks["Edge"]
    value = {"Fn::Join": ["", [{"Ref": "AWS::AccountId"}, ":", {"Fn::Sub": "${A.Arn}/${!x}"}]]}
    assert texts.text(value, edge) == "111111111111:«A»/${x}"
    name = "sorter-dev-data:ExportsOutputFnGetAttDataKey2A0DE9E6Arn11FE9379"
    assert shown(texts.text({"Fn::ImportValue": name}, edge)) == "DataKey"
    assert short("InferenceVersion0c73ec359f16EE53E9E9") == "InferenceVersion"


@pytest.mark.parametrize(
    ("sql", "fields", "topic", "where"),
    [
        ("SELECT * FROM 'a/+/b'", ("*",), "a/+/b", ""),
        (
            "select thing, concat(a, ',', b) AS c\nFROM 'x' WHERE schema = 1",
            ("thing", "concat(a, ',', b) AS c"),
            "x",
            "schema = 1",
        ),
        ("SELECT (SELECT v FROM d) AS v FROM 't'", ("(SELECT v FROM d) AS v",), "t", ""),
    ],
)
def test_iot_sql(sql: str, fields: tuple[str, ...], topic: str, where: str):
    assert query(sql) == (fields, topic, where)


def test_no_iot_sql():
    assert query("DROP TABLE x") is None


def test_pipeline_steps_of_both_branches():
    pipeline = next(
        resource
        for resource in FROZEN.stacks["Training"].resources.values()
        if resource["Type"] == "AWS::SageMaker::Pipeline"
    )
    properties = Texts(FROZEN).value(pipeline["Properties"], FROZEN.stacks["Training"])
    assert list(steps(definition(properties))) == [
        *("Prepare", "Train", "Evaluate", "Gate", "Gate > Register", "Gate > otherwise TooWeak")
    ]


def test_schemas():
    certain, _ = replacing_properties("AWS::S3::Bucket", {}, {"BucketName": "x"})
    assert certain == ["BucketName"]
    _, possible = replacing_properties("AWS::DynamoDB::Table", {"KeySchema": 1}, {"KeySchema": 2})
    assert possible == ["KeySchema"]
    assert own_name("AWS::S3::Bucket", {}) == {}
    assert own_name("AWS::IoT::Policy", {"PolicyName": "x"}) == {"PolicyName": "x"}
    assert replacing_properties("Custom::Thing", {}, {"A": 1}) == ([], [])


def test_what_the_cdk_calls_stateful_is_stateful_here():
    base = frozen()
    head = {**base, "stacks": {}}
    (pair,) = differ.compare([("dev", assembly(base), assembly(head))])
    marked = {
        change.old_type
        for changes in pair.changes.values()
        for change in changes
        if change.stateful
    }
    assert marked
    assert marked <= set(STATEFUL)


def test_asset_contents(tmp_path: Path):
    archive = tmp_path / "a.zip"
    for text, name in (("1", "camera/run.py"), ("2", "camera/run.py")):
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(name, text)
        archive.rename(tmp_path / f"{text}.zip")
    one, two = (read_asset("x", tmp_path / f"{number}.zip") for number in (1, 2))
    assert one.files.keys() == two.files.keys() == {"camera/run.py"}
    assert one.files != two.files
    assert read_asset("x", tmp_path).files.keys() == {"1.zip", "2.zip"}


def test_findings_of_both_sorts():
    report = {
        "pluginReports": [
            {
                "violations": [
                    {
                        "ruleName": "R-1",
                        "description": "Bad - (Control IDs: AC-1).",
                        "violatingConstructs": [{"constructPath": "Data/Loose/Resource"}],
                    }
                ]
            }
        ]
    }
    (found,) = read_findings(report, FROZEN.stacks)
    assert (found.rule, found.where, found.text, found.reason) == ("R-1", "Data/Loose", "Bad", None)


def test_cost_follows_use_and_machine():
    usual = monthly(FROZEN, Project())
    more = monthly(FROZEN, Project(use=Use(devices=1000)))
    assert usual["KMS Key"] == 1.0
    assert more["Greengrass devices"] == pytest.approx(100 * usual["Greengrass devices"])
    assert usual["SageMaker training"] == pytest.approx(4 * 3 * 0.5 * 0.23)


def test_summary_is_stable_and_complete():
    text = summary(FROZEN, PROJECT)
    assert text == summary(Assembly.from_json(json.loads(json.dumps(FROZEN.to_json()))), PROJECT)
    for word in ("## Stateful", "`Data/DatasetBucket`", "may sts:AssumeRole", "sorter-dev/+/"):
        assert word in text
    # What changes with every change of code would make every pull request touch it.
    assert "(version from content)" in text
    assert not [name for name in FROZEN.stacks["Edge"].resources if name[-8:] in text]


def test_one_change_in_two_environments_is_said_once():
    pairs = [changed("dev", "sorter-dev"), changed("prod", "sorter-prod")]
    found = judged(pairs, "main")
    text = markdown(found)
    assert found.level is Level.DANGEROUS
    assert text.startswith("# 🔴 Template review: dangerous")
    assert text.count("forced by KeySchema") == 2, "once among the reasons, once in its section"
    assert "(dev, prod)" in text
    console = Console(file=io.StringIO(), width=100)
    show(found, console)
    assert "DANGEROUS" in console.file.getvalue()  # type: ignore[attr-defined]


def test_equal_templates_need_no_differ(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("template_review.comparison.differ._run", None)
    (pair,) = differ.compare([("dev", FROZEN, FROZEN)])
    assert items_of(pair) == []
