# SPDX-License-Identifier: Apache-2.0
"""What CloudFormation has to be allowed for a resource: each action with its ARN and its context.

The actions are those of the resource's schema (``handlers``, in cfn-lint), the kinds of resources
that each is authorised on are those of the service authorization reference.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cfnlint

from tests.policies.authorization import ResourceType, action, expand
from tests.policies.templates import KINDS, Environment
from tests.policies.unused import unused

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
VERBS = ("create", "read", "update", "delete")
PASSED_TO = {
    "AWS::Events::Rule": "events.amazonaws.com",
    "AWS::IoT::ProvisioningTemplate": "iot.amazonaws.com",
    "AWS::IoT::RoleAlias": "credentials.iot.amazonaws.com",
    "AWS::IoT::TopicRule": "iot.amazonaws.com",
    "AWS::KinesisFirehose::DeliveryStream": "firehose.amazonaws.com",
    "AWS::Lambda::Function": "lambda.amazonaws.com",
    "AWS::SageMaker::NotebookInstance": "sagemaker.amazonaws.com",
    "AWS::SageMaker::Pipeline": "sagemaker.amazonaws.com",
    "AWS::StepFunctions::StateMachine": "states.amazonaws.com",
}
"""The service that gets the role of a resource."""

VIA = {
    "AWS::DynamoDB::Table": "dynamodb",
    "AWS::KinesisFirehose::DeliveryStream": "firehose",
    "AWS::Lambda::Function": "lambda",
    "AWS::SageMaker::NotebookInstance": "sagemaker",
    "AWS::StepFunctions::StateMachine": "states",
}
"""The service that uses the key in CloudFormation's name; the key itself is used directly."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One decision: this action, on this ARN, with these condition keys."""

    type: str
    action: str
    arn: str
    context: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A resource where it stands."""

    environment: Environment
    stack: str
    logical_id: str

    @property
    def type(self) -> str:
        return str(self.environment.resource(self.stack, self.logical_id)["Type"])

    @property
    def properties(self) -> Mapping[str, Any]:
        document = self.environment.resource(self.stack, self.logical_id)
        return dict(self.environment.text(self.stack, document.get("Properties", {})))

    @property
    def names(self) -> list[str]:
        return self.environment.names(self.stack, self.logical_id)

    @property
    def roles(self) -> list[str]:
        """The roles that the resource hands on."""
        text = json.dumps(self.properties)
        return sorted(set(re.findall(r"arn:aws:iam::\d+:role/[\w+=,.@/-]+", text)))

    def all_of(self, type_: str) -> Iterator[str]:
        """The ARNs of the environment's resources of a type."""
        for stack, template in self.environment.stacks.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] == type_:
                    yield self.environment.arn(stack, logical_id)


@functools.cache
def handlers(type_: str) -> Mapping[str, list[str]]:
    """Per verb the actions that a type's schema lists."""
    files = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    path = SCHEMAS / "resources" / f"{files[type_]}.json"
    found = json.loads(path.read_text(encoding="utf-8"))["handlers"]
    return {verb: found.get(verb, {}).get("permissions", []) for verb in VERBS}


def resources(environment: Environment) -> Iterator[tuple[str, str]]:
    """The stack and logical id of every resource that AWS itself provides."""
    for stack in sorted(environment.own):
        for logical_id, resource in environment.stacks[stack]["Resources"].items():
            if not resource["Type"].startswith("Custom::"):
                yield stack, logical_id


def needs(environment: Environment, stack: str, logical_id: str) -> Iterator[Need]:
    """All that a resource takes, from its creation to its deletion."""
    place = _Place(environment=environment, stack=stack, logical_id=logical_id)
    listed = handlers(place.type)
    for name in sorted({one for verb in VERBS for one in listed[verb]}):
        if unused(place.type, name):
            continue
        for exact in expand(name) or [name]:
            for arn, context in _decisions(place, exact):
                yield Need(type=place.type, action=exact, arn=arn, context=context)


def _decisions(place: _Place, name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    service = name.partition(":")[0]
    if service == "kms" and place.type in VIA:
        via = f"{VIA[place.type]}.{place.environment.region}.amazonaws.com"
        for key in place.all_of("AWS::KMS::Key"):
            yield key, {"kms:ViaService": via}
    elif name == "iam:PassRole":
        for role in place.roles:
            yield role, {"iam:PassedToService": PASSED_TO[place.type]}
    elif name == "iam:GetRole" and place.type != "AWS::IAM::Role":
        for role in place.roles:
            yield role, {}
    elif name in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        for policy in place.properties.get("ManagedPolicyArns", []):
            yield place.environment.arn(place.stack, place.logical_id), {"iam:PolicyARN": policy}
    else:
        for arn in _arns(place, name):
            yield arn, {}


def _arns(place: _Place, name: str) -> Iterator[str]:
    try:
        kinds = action(name).on
    except KeyError:
        kinds = ()  # no policy can name it by itself; whoever lists it must say why
    decisive = [one for one in kinds if one.required] or list(kinds)
    own = KINDS[place.type][1].lower()
    if own in [one.name.lower() for one in decisive] and not any(one.required for one in kinds):
        decisive = [one for one in decisive if one.name.lower() == own]
    if not decisive:
        yield "*"
    for kind in decisive:
        yield from _of_kind(place, name, kind)


def _of_kind(place: _Place, name: str, kind: ResourceType) -> Iterator[str]:
    own = KINDS[place.type][1].lower()
    others = _OTHERS.get((place.type, kind.name))
    if kind.name in _NOT_OURS:
        return
    if others is not None:
        yield from others(place)
    elif kind.name.lower() == own:
        yield place.environment.arn(place.stack, place.logical_id)
    else:
        raise LookupError(
            f"{place.type}: {name} is authorised on {kind.name}: say in _OTHERS which that is"
        )


def _form(kind: str) -> Callable[[_Place], list[str]]:
    service, _, rest = kind.partition(" ")
    form = f"arn:${{Partition}}:{service}:${{Region}}:${{Account}}:{rest}"
    return lambda place: [place.environment.fill(form, *place.names)]


def _nothing(_: _Place) -> list[str]:
    return []


def _code(place: _Place) -> list[str]:
    code = place.properties.get("Code", {})
    if "S3Bucket" not in code:
        return []
    return [f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}"]


def _artifacts(place: _Place) -> list[str]:
    recipe = place.properties.get("InlineRecipe", {}).get("(JSON text)", {})
    uris = [one["Uri"] for manifest in recipe.get("Manifests", []) for one in manifest["Artifacts"]]
    return [
        # In a snapshot the recipe is unfolded, with the names of imports in it.
        "arn:aws:s3:::"
        + re.sub(
            r"<Fn::ImportValue ([^>]+)>",
            lambda found: place.environment.imported(found[1]),
            uri.removeprefix("s3://"),
        )
        for uri in uris
    ]


def _imported(place: _Place) -> list[str]:
    return [one["LambdaArn"] for one in [place.properties.get("LambdaFunction")] if one]


def _target(place: _Place) -> list[str]:
    return [str(place.properties["TargetArn"])]


_NOT_OURS = {"accesspointobject", "capacity-reservation", "datacatalog", "session", "stream"}
"""Kinds of resources that no template has: S3 access points, streams of tables, Athena's others."""

_JOB = _form("iot job/AWSGreengrassV2-1a2b3c")
_CATALOG = _form("glue catalog")
_OTHERS: Mapping[tuple[str, str], Callable[[_Place], list[str]]] = {
    ("AWS::Glue::Database", "rootcatalog"): _CATALOG,
    ("AWS::Glue::Database", "table"): _form("glue table/${Database}/any"),
    ("AWS::Glue::Database", "userdefinedfunction"): _form(
        "glue userDefinedFunction/${Database}/any"
    ),
    ("AWS::Glue::Table", "database"): _form("glue database/${Database}"),
    ("AWS::Glue::Table", "rootcatalog"): _CATALOG,
    # The reference has the version for all others; only this one is of the component.
    ("AWS::GreengrassV2::ComponentVersion", "component"): _form(
        "greengrass components:${Component}"
    ),
    ("AWS::GreengrassV2::ComponentVersion", "function"): _imported,
    ("AWS::GreengrassV2::ComponentVersion", "object"): _artifacts,
    ("AWS::GreengrassV2::Deployment", "job"): _JOB,
    ("AWS::GreengrassV2::Deployment", "thing"): _nothing,  # the target is a group
    ("AWS::GreengrassV2::Deployment", "thinggroup"): _target,
    ("AWS::IoT::ThingGroup", "dynamicthinggroup"): _nothing,  # none is dynamic
    ("AWS::Lambda::Function", "object"): _code,
    ("AWS::Logs::LogStream", "log-group"): _form("logs log-group:${LogGroup}"),
    ("AWS::Lambda::Version", "function"): lambda place: [
        place.environment.fill(
            "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}", place.names[0]
        )
    ],
}
"""What an action on behalf of a type is authorised on, where that is not the resource itself."""
