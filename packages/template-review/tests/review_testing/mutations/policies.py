# SPDX-License-Identifier: Apache-2.0
"""Changes of IAM, resource and IoT policies. IAM User Guide, unless another page is named."""

from collections.abc import Iterator
from operator import methodcaller
from typing import Any

from review_testing.mutations.model import Change, Document, operator
from review_testing.mutations.places import editing, listed, removing, setting, statements
from template_review.model import Level

FOREIGN = "999988887777"
_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_"
_CONDITION = _GUIDE + "condition.html: a statement takes effect only when its condition is met"
Found = Iterator[tuple[str, Change]]


@operator("drop a condition", Level.DANGEROUS, _CONDITION)
def _drop_condition(document: Document) -> Found:
    for each in statements(document):
        if each.body.get("Condition"):
            yield each.where, removing((*each.path, "Condition"))


@operator("drop one key of a condition", Level.DANGEROUS, _CONDITION + "; all keys must match")
def _drop_key(document: Document) -> Found:
    for each in statements(document):
        keys = [
            (op, key) for op, all_ in (each.body.get("Condition") or {}).items() for key in all_
        ]
        for op, key in keys if len(keys) > 1 else ():
            yield f"{each.where} {key}", removing((*each.path, "Condition", op, key))


@operator(
    "a condition that any value meets",
    Level.DANGEROUS,
    _GUIDE + "condition_operators.html: StringLike takes * for any characters",
)
def _any_value(document: Document) -> Found:
    for each in statements(document):
        for op, keys in (each.body.get("Condition") or {}).items():
            for key in keys if op == "StringEquals" else ():
                yield f"{each.where} {key}", _like(each.path, key)


def _like(path: tuple[Any, ...], key: str) -> Change:
    def edit(statement: dict[str, Any]) -> None:
        statement["Condition"]["StringEquals"].pop(key)
        statement["Condition"].setdefault("StringLike", {})[key] = "*"
        if not statement["Condition"]["StringEquals"]:
            del statement["Condition"]["StringEquals"]

    return editing(path, edit)


@operator(
    "a condition that an absent key meets",
    Level.DANGEROUS,
    _GUIDE + "condition_operators.html: ...IfExists is true when the key is not in the request",
)
def _if_exists(document: Document) -> Found:
    for each in statements(document):
        for op in (each.body.get("Condition") or {}) if not each.of_identity else ():
            if op.startswith(("String", "Arn")):

                def edit(statement: dict[str, Any], op: str = op) -> None:
                    statement["Condition"][op + "IfExists"] = statement["Condition"].pop(op)

                yield f"{each.where} {op}", editing(each.path, edit)


@operator("every resource", Level.DANGEROUS, _GUIDE + "resource.html: * stands for all resources")
def _every_resource(document: Document) -> Found:
    for each in statements(document):
        if (
            each.of_identity
            and "Resource" in each.body
            and "*" not in listed(each.body["Resource"])
        ):
            # Where every action has no resource level, AWS wants the star.
            yield each.where, setting((*each.path, "Resource"), "*")


@operator("every action of a service", Level.DANGEROUS, _GUIDE + "action.html: * stands for all")
def _every_action(document: Document) -> Found:
    for each in statements(document):
        for action in sorted({str(one) for one in listed(each.body.get("Action", []))}):
            service, _, name = action.partition(":")
            # A role's trust policy knows no action beside those of sts.
            if name and name != "*" and service != "sts":
                wide = [f"{service}:*", *listed(each.body["Action"])]
                yield f"{each.where} {service}", setting((*each.path, "Action"), wide)
                break


@operator("all actions but one", Level.DANGEROUS, _GUIDE + "notaction.html: everything not listed")
def _not_action(document: Document) -> Found:
    for each in statements(document):
        if each.of_identity:

            def edit(statement: dict[str, Any]) -> None:
                statement.pop("Action", None)
                statement["NotAction"] = "iam:*"

            yield each.where, editing(each.path, edit)


@operator("all resources but one", Level.DANGEROUS, _GUIDE + "notresource.html: all not listed")
def _not_resource(document: Document) -> Found:
    for each in statements(document):
        if each.of_identity and "*" not in listed(each.body["Resource"]):

            def edit(statement: dict[str, Any]) -> None:
                statement.pop("Resource")
                statement["NotResource"] = "arn:aws:s3:::nothing-of-that-name/*"

            yield each.where, editing(each.path, edit)


@operator("another account as principal", Level.DANGEROUS, _GUIDE + "principal.html: an account")
def _foreign_principal(document: Document) -> Found:
    for each in statements(document):
        if not each.of_identity:

            def edit(statement: dict[str, Any]) -> None:
                old = statement["Principal"]
                new = dict(old) if isinstance(old, dict) else {"AWS": old}
                new["AWS"] = [*listed(new.get("AWS", [])), f"arn:aws:iam::{FOREIGN}:root"]
                statement["Principal"] = new
                statement.pop("Condition", None)

            yield each.where, editing(each.path, edit)


@operator("anybody as principal", Level.DANGEROUS, _GUIDE + "principal.html: * is everyone")
def _anybody(document: Document) -> Found:
    for each in statements(document):
        if not each.of_identity:

            def edit(statement: dict[str, Any]) -> None:
                statement["Principal"] = {"AWS": "*"}
                statement.pop("Condition", None)

            yield each.where, editing(each.path, edit)


@operator(
    "a right on another account's resource",
    Level.DANGEROUS,
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-cross-account-resource-access"
    ".html: with the other side's consent, what is written there has left the account",
)
def _foreign_resource(document: Document) -> Found:
    for each in statements(document):
        services = {str(one).partition(":")[0] for one in listed(each.body.get("Action", []))}
        if each.of_identity and len(services) == 1 and "*" not in listed(each.body["Resource"]):
            service = services.pop()
            arn = f"arn:aws:{service}:us-east-1:{FOREIGN}:whatever"
            if service == "s3":
                arn = "arn:aws:s3:::somebody-elses-bucket/*"
            if service in {"sts", "iam"}:
                arn = f"arn:aws:iam::{FOREIGN}:role/whatever"
            value = [*listed(each.body["Resource"]), arn]
            yield each.where, setting((*each.path, "Resource"), value)


@operator(
    "a denial gone",
    Level.DANGEROUS,
    _GUIDE + "effect.html and evaluation logic: an explicit deny overrides every allow",
)
def _drop_deny(document: Document) -> Found:
    for each in statements(document, "Deny"):
        yield each.where, removing(each.path)


@operator("a denial that holds less often", Level.DANGEROUS, _CONDITION)
def _weaker_deny(document: Document) -> Found:
    for each in statements(document, "Deny"):

        def edit(statement: dict[str, Any]) -> None:
            more = statement.setdefault("Condition", {}).setdefault("StringNotEquals", {})
            more["aws:PrincipalAccount"] = FOREIGN

        yield each.where, editing(each.path, edit)


@operator("a denial made an allowance", Level.DANGEROUS, _GUIDE + "effect.html")
def _deny_to_allow(document: Document) -> Found:
    for each in statements(document, "Deny"):
        yield each.where, setting((*each.path, "Effect"), "Allow")


@operator("another Sid", Level.SAFE, _GUIDE + "sid.html: an identifier without effect")
def _sid(document: Document) -> Found:
    for each in statements(document):
        yield each.where, setting((*each.path, "Sid"), "AnotherName")


@operator(
    "statements in another order",
    Level.SAFE,
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: "
    "all statements are evaluated, in no order",
)
def _order(document: Document) -> Found:
    for each in statements(document):
        if each.number == 1:
            yield each.where, editing(each.path[:-1], lambda found: found.reverse())


@operator("actions in another order", Level.SAFE, _GUIDE + "action.html: a list is a set")
def _actions_order(document: Document) -> Found:
    for each in statements(document):
        actions = listed(each.body.get("Action", []))
        if len(actions) > 1:
            yield each.where, setting((*each.path, "Action"), actions[::-1])


@operator(
    "a single value as a list",
    Level.SAFE,
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html: the "
    "brackets may be left out around one value",
)
def _as_list(document: Document) -> Found:
    for each in statements(document):
        for key in ("Action", "Resource"):
            if isinstance(each.body.get(key), str | dict):
                yield f"{each.where} {key}", setting((*each.path, key), [each.body[key]])


@operator("an action in other letters", Level.SAFE, _GUIDE + "action.html: case-insensitive")
def _case(document: Document) -> Found:
    for each in statements(document):
        actions = listed(each.body.get("Action", []))
        if each.of_identity and actions:
            lower = [str(one).lower() for one in actions]
            yield each.where, setting((*each.path, "Action"), lower)


@operator("one statement as two", Level.SAFE, _GUIDE + "statement.html: the union is allowed")
def _split(document: Document) -> Found:
    for each in statements(document):
        actions = listed(each.body.get("Action", []))
        if len(actions) > 1:

            def edit(found: list[Any], each: Any = each, actions: list[Any] = actions) -> None:
                found[each.number] = {**each.body, "Action": actions[:1]}
                found.append({**each.body, "Action": actions[1:]})

            yield each.where, editing(each.path[:-1], edit)


@operator("a statement twice", Level.SAFE, _GUIDE + "statement.html: the union is allowed")
def _twice(document: Document) -> Found:
    for each in statements(document):
        body = {key: value for key, value in each.body.items() if key != "Sid"}
        yield each.where, editing(each.path[:-1], methodcaller("append", body))
