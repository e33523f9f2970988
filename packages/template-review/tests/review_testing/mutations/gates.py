# SPDX-License-Identifier: Apache-2.0
"""Changes that let through what a filter, a choice or a gate held back."""

from collections.abc import Iterator
from typing import Any

from review_testing.mutations.model import Change, Document, operator
from review_testing.mutations.places import json_text, resources, setting
from template_review.model import Level

_SQL = (
    "https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-where.html: only messages for "
    "which it is true are acted on"
)
_ASL = "https://docs.aws.amazon.com/step-functions/latest/dg/"
_PIPELINE = (
    "https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html: a "
    "condition step decides which steps run"
)
_APPROVAL = (
    "https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-approve.html: an approved "
    "model is deployed"
)
_FAILURE = (
    "https://docs.aws.amazon.com/greengrass/v2/developerguide/create-deployments.html: ROLLBACK "
    "takes devices back to the previous deployment; abort stops a failing one"
)
_MACHINE, _STEPS = "AWS::StepFunctions::StateMachine", "AWS::SageMaker::Pipeline"
Found = Iterator[tuple[str, Change]]


@operator("a filter with one test less", Level.DANGEROUS, _SQL)
def _loosened(document: Document) -> Found:
    for where, path, select, tests in _queries(document):
        for index, test in enumerate(tests):
            rest = " AND ".join(tests[:index] + tests[index + 1 :])
            yield f"{where} without {test}", setting(path, f"{select} WHERE {rest}")


@operator("a filter with an alternative", Level.DANGEROUS, _SQL)
def _alternative(document: Document) -> Found:
    for where, path, select, tests in _queries(document):
        text = f"{select} WHERE {' AND '.join(tests)} OR schema = 2"
        yield where, setting(path, text)


@operator("no filter at all", Level.DANGEROUS, _SQL)
def _unfiltered(document: Document) -> Found:
    for where, path, select, _ in _queries(document):
        yield where, setting(path, select)


@operator("a filter that nothing passes", Level.DANGEROUS, _SQL + "; the rule then handles nothing")
def _nothing(document: Document) -> Found:
    for where, path, select, tests in _queries(document):
        yield where, setting(path, f"{select} WHERE {' AND '.join(tests)} AND 1 = 2")


@operator("SQL in other letters", Level.SAFE, _SQL + "; keywords and blanks have no meaning")
def _letters(document: Document) -> Found:
    for where, path, select, tests in _queries(document):
        text = select.replace("SELECT", "select").replace("FROM", "from\n ")
        yield where, setting(path, f"{text} where {' and '.join(tests)}")


def _queries(document: Document) -> Iterator[tuple[str, tuple[Any, ...], str, list[str]]]:
    for each in resources(document, "AWS::IoT::TopicRule"):
        sql = each.body["Properties"]["TopicRulePayload"]["Sql"]
        select, found, where = sql.partition(" WHERE ")
        if found:
            path = (*each.path, "Properties", "TopicRulePayload", "Sql")
            yield each.name, path, select, where.split(" AND ")


def _states(document: Document) -> Iterator[tuple[str, tuple[Any, ...], str]]:
    names = ("Package", "DeployCanary", "CheckCanary", "JudgeCanary", "Bake", "CheckFleet")
    for each in resources(document, _MACHINE):
        for name in names:
            yield f"{each.name} {name}", (*each.path, "Properties", "DefinitionString"), name


@operator("a choice that falls to success", Level.DANGEROUS, _ASL + "state-choice.html: Default")
def _default(document: Document) -> Found:
    for where, path, name in _states(document):
        if name == "JudgeCanary":

            def edit(found: Any, name: str = name) -> Any:
                state = found["States"][name]
                state["Default"] = state["Choices"][0]["Next"]
                return found

            yield where, json_text(path, edit)


@operator("a choice that takes failure for success", Level.DANGEROUS, _ASL + "state-choice.html")
def _failed(document: Document) -> Found:
    for where, path, name in _states(document):
        if name == "JudgeCanary":

            def edit(found: Any, name: str = name) -> Any:
                rules = found["States"][name]["Choices"]
                rules.append({**rules[0], "StringEquals": "FAILED"})
                return found

            yield where, json_text(path, edit)


@operator("a state left out", Level.DANGEROUS, _ASL + "concepts-transitions.html: Next names it")
def _skipped(document: Document) -> Found:
    for where, path, name in _states(document):
        if name in {"CheckCanary", "Bake", "DeployCanary"}:

            def edit(found: Any, name: str = name) -> Any:
                after = found["States"][name]["Next"]
                if name == "CheckCanary":
                    after = "Bake"
                for state in found["States"].values():
                    for holder in (state, *state.get("Choices", ())):
                        if holder.get("Next") == name:
                            holder["Next"] = after
                return found

            yield where, json_text(path, edit)


@operator("no waiting", Level.DANGEROUS, _ASL + "state-wait.html: delays for the time given")
def _bake(document: Document) -> Found:
    for each in resources(document, _MACHINE):
        path = (*each.path, "Properties", "DefinitionString")
        # The frozen templates bake for no time at all; what is compared bakes for an hour.

        def edit(found: Any) -> Any:
            del found["States"]["Bake"]["Seconds"]
            found["States"]["Bake"] = {"Type": "Pass", "Next": found["States"]["Bake"]["Next"]}
            return found

        yield each.name, json_text(path, edit)


@operator("errors caught no more", Level.DANGEROUS, _ASL + "concepts-error-handling.html: Catch")
def _uncaught(document: Document) -> Found:
    for where, path, name in _states(document):
        if name.startswith("Check"):

            def edit(found: Any, name: str = name) -> Any:
                del found["States"][name]["Catch"]
                return found

            yield where, json_text(path, edit)


@operator("JSON text with other blanks", Level.SAFE, "RFC 8259: insignificant whitespace")
def _blanks(document: Document) -> Found:
    for each in resources(document, "AWS::CloudWatch::Dashboard"):
        value = each.body["Properties"]["DashboardBody"]
        path = (*each.path, "Properties", "DashboardBody")
        yield each.name, setting(path, _blank(value))
    for each in resources(document, _MACHINE):
        path = (*each.path, "Properties", "DefinitionString")
        yield each.name, setting(path, _blank(each.body["Properties"]["DefinitionString"]))
    for each in resources(document, _STEPS):
        path = (*each.path, "Properties", "PipelineDefinition", "PipelineDefinitionBody")
        value = each.body["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]
        yield each.name, setting(path, _blank(value))


def _blank(value: Any) -> Any:
    """A blank before the first key of the document."""
    if isinstance(value, str):
        return value.replace("{", "{ ", 1)
    separator, parts = value["Fn::Join"]
    return {"Fn::Join": [separator, [parts[0].replace("{", "{ ", 1), *parts[1:]]]}


def _body(document: Document) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for each in resources(document, _STEPS):
        path = (*each.path, "Properties", "PipelineDefinition", "PipelineDefinitionBody")
        yield each.name, path


def _gate(found: Any) -> Any:
    return next(step for step in found["Steps"] if step["Type"] == "Condition")


@operator("a gate that asks for nothing", Level.DANGEROUS, _PIPELINE)
def _open_gate(document: Document) -> Found:
    for where, path in _body(document):

        def literal(found: Any) -> Any:
            _gate(found)["Arguments"]["Conditions"][0]["RightValue"] = 0
            return found

        def parameter(found: Any) -> Any:
            for each in found["Parameters"]:
                if each["Name"] == "MinimumAccuracy":
                    each["DefaultValue"] = 0.0
            return found

        yield f"{where} literal", json_text(path, literal)
        yield f"{where} parameter", json_text(path, parameter)


@operator("registered without the gate", Level.DANGEROUS, _PIPELINE)
def _no_gate(document: Document) -> Found:
    for where, path in _body(document):

        def inlined(found: Any) -> Any:
            gate = _gate(found)
            found["Steps"].remove(gate)
            found["Steps"] += gate["Arguments"]["IfSteps"]
            return found

        def both(found: Any) -> Any:
            arguments = _gate(found)["Arguments"]
            arguments["ElseSteps"] = [
                {**step, "Name": f"Also{step['Name']}"} for step in arguments["IfSteps"]
            ]
            return found

        yield f"{where} no gate", json_text(path, inlined)
        yield f"{where} either way", json_text(path, both)


@operator("approval by a person again", Level.LOOK, _APPROVAL)
def _asks_again(document: Document) -> Found:
    for where, path in _body(document):

        def edit(found: Any) -> Any:
            for each in found["Parameters"]:
                if each["Name"] == "ApprovalStatus":
                    each["DefaultValue"] = "PendingManualApproval"
            return found

        yield where, json_text(path, edit)


@operator("failed deployments stay", Level.DANGEROUS, _FAILURE)
def _no_rollback(document: Document) -> Found:
    for each in resources(document, "AWS::GreengrassV2::Deployment"):
        path = (*each.path, "Properties", "DeploymentPolicies", "FailureHandlingPolicy")
        yield each.name, setting(path, "DO_NOTHING")


@operator("a deployment that never aborts", Level.DANGEROUS, _FAILURE)
def _no_abort(document: Document) -> Found:
    for each in resources(document, "AWS::GreengrassV2::Deployment"):
        configuration = each.body["Properties"].get("IotJobConfiguration", {})
        for number, _ in enumerate(configuration.get("AbortConfig", {}).get("CriteriaList", ())):
            path = (*each.path, "Properties", "IotJobConfiguration", "AbortConfig", "CriteriaList")
            yield f"{each.name} {number}", setting((*path, number, "ThresholdPercentage"), 100)
