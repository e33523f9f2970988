# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-IOT2: an IoT policy lets a device act as itself only."""

from collections.abc import Iterator, Sequence

from infra.checks.policies import Statement, statements
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template

THING = "${iot:Connection.Thing.ThingName}"
WITHOUT_RESOURCE = {
    "greengrass:GetDeploymentConfiguration",
    "greengrass:ResolveComponentCandidates",
}
"""The two actions that have no resource, so that only ``*`` allows them."""
_PROVISIONING = ("/$aws/certificates/create", "/$aws/provisioning-templates/")


def check(template: Template) -> Iterator[Finding]:
    """Resources that are not the connected thing's own."""
    for policy in template.of_type("AWS::IoT::Policy"):
        document = policy.properties.get("PolicyDocument")
        allowed = list(statements(policy, document, "Properties.PolicyDocument"))
        claim = _is_claim(allowed)
        for statement in allowed:
            for resource in statement.on:
                if not (claim and _fits_claim(resource)) and not _own(statement, resource):
                    actions = ", ".join(statement.actions)
                    yield at(
                        policy,
                        f"{statement.path}.Resource",
                        f"{actions} on {resource} is not limited to the device itself",
                    )


def _own(statement: Statement, resource: str) -> bool:
    if THING in resource:
        return True
    if resource == "*":
        return set(statement.actions) <= WITHOUT_RESOURCE
    # These use HTTPS, where AWS IoT cannot fill in a thing name, so a narrowed name must suffice.
    # https://docs.aws.amazon.com/greengrass/v2/developerguide/device-auth.html
    if all(action.startswith("greengrass:") for action in statement.actions):
        name = resource.rpartition(":")[2].rpartition("/")[2]
        return name not in ("", "*")
    # One exact role alias (what it gives is limited by its role: BINSIGHT-GG5).
    return statement.actions == ("iot:AssumeRoleWithCertificate",) and "*" not in resource


def _is_claim(allowed: Sequence[Statement]) -> bool:
    """Whether it is for a claim certificate: new devices share it and have no thing yet."""
    topics = [
        resource
        for statement in allowed
        for resource in statement.on
        if ":topic/" in resource or ":topicfilter/" in resource
    ]
    return bool(topics) and all(_fits_claim(topic) for topic in topics)


def _fits_claim(resource: str) -> bool:
    if ":client/" in resource:
        return True
    kind, _, topic = resource.partition("/$aws/")
    if not kind.endswith((":topic", ":topicfilter")):
        return False
    template = topic.removeprefix("provisioning-templates/").partition("/")[0]
    return any(f"/$aws/{topic}".startswith(start) for start in _PROVISIONING) and "*" not in (
        template if topic.startswith("provisioning-templates/") else ""
    )


RULE = Rule(
    id="BINSIGHT-IOT2",
    title="An IoT policy lets a device act as itself only",
    why="All cameras share one policy. Without the thing's name in it, one stolen camera can read "
    "and write the topics of all others.",
    fix="Put ${iot:Connection.Thing.ThingName} into each client, topic and topicfilter ARN. Only "
    "fleet provisioning topics, one exact role alias, and Greengrass actions on named resources "
    f"do without; * is for {' and '.join(sorted(WITHOUT_RESOURCE))} alone, which have no resource.",
    check=check,
)
