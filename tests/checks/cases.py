# SPDX-License-Identifier: Apache-2.0
"""Small templates for the rules, and a way to apply one rule to one of them."""

from infra.checks.template import Template, template

REGION = "arn:aws:iot:eu-west-1:333333333333"
SHA256 = "ab" * 32


def resource(type_, properties=None, **more):
    """A resource as a template writes it."""
    return {"Type": type_, "Properties": properties or {}, **more}


def policy(*statements):
    """A policy document that allows these statements."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", **one} for one in statements],
    }


def role(service, *statements, **more):
    """A role that the service may assume, with these statements in it."""
    trust = {"Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return resource(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": policy(trust),
            "Policies": [{"PolicyName": "p", "PolicyDocument": policy(*statements)}],
            **more,
        },
    )


def app(*documents, prefix=None):
    """Templates that know each other."""
    alone = [
        template({"Resources": resources}, name=f"Stack{number}", prefix=prefix)
        for number, resources in enumerate(documents)
    ]
    return [
        Template(name=one.name, resources=one.resources, prefix=prefix, others=tuple(alone))
        for one in alone
    ]


def findings(rule, *documents, prefix=None):
    """What the rule finds in an app of these templates: (logical id, path, detail)."""
    return [
        (finding.logical_id, finding.path, finding.detail)
        for one in app(*documents, prefix=prefix)
        for finding in rule.check(one)
    ]
