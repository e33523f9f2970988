# SPDX-License-Identifier: Apache-2.0
"""Whether callers still have to say who they are: function URLs, API methods, routes, brokers."""

from collections.abc import Iterator

from template_review.comparison.leaves import said
from template_review.comparison.properties import Kept, at, resources
from template_review.model import Item, Level, Pair, Section

_WAYS_IN = {
    "AWS::Lambda::Url": "AuthType",
    "AWS::ApiGateway::Method": "AuthorizationType",
    "AWS::ApiGatewayV2::Route": "AuthorizationType",
}
"""Where a caller comes in, and the property that asks; one that is added open is dangerous, too."""
_ASKS = {
    *("ApiKeyRequired", "AuthMode", "AuthType", "AuthenticationStrategy", "AuthenticationType"),
    *("AuthorizationType", "AuthorizerId", "AuthorizerType", "ClientAuthentication"),
    *("DefaultAuthorizer", "ApiKeyAuth"),
    *("IAMDatabaseAuthenticationEnabled", "EnableIAMDatabaseAuthentication"),
}
_OPEN = {"", "none", "false", "open", "unauthenticated", "anonymous", "disabled"}


def authentication_items(pair: Pair) -> list[Item]:
    """Ways in that ask less of their callers than before, and new ones that ask nothing."""
    if pair.base is None:
        return []
    items: list[Item] = []
    for kept in resources(pair):
        if kept.new is not None:
            items += _added(kept) if kept.old is None else _changed(kept)
    return items


def _added(kept: Kept) -> Iterator[Item]:
    name = _WAYS_IN.get(kept.type)
    # Browsers ask with OPTIONS before a call, without credentials; nothing is behind it.
    if name is None or at(kept.new, "HttpMethod") == "OPTIONS":
        return
    asks = at(kept.new, name)
    level = Level.DANGEROUS if _open(asks) else Level.LOOK
    how = "anybody may call it" if _open(asks) else "a new way in"
    yield _item(level, kept, f"{how}: {name}: {said(asks)}", name, "+")


def _changed(kept: Kept) -> Iterator[Item]:
    for leaf in kept.leaves:
        if leaf.name not in _ASKS:
            continue
        if leaf.path == "FunctionUrlConfig.AuthType" and _open(leaf.after) and leaf.after:
            text = f"anybody may call it: {leaf.text}"
            yield _item(Level.DANGEROUS, kept, text, leaf.path)
        elif _open(leaf.after) and not _open(leaf.before):
            text = f"callers no longer have to say who they are: {leaf.text}"
            yield _item(Level.DANGEROUS, kept, text, leaf.path)
        elif _open(leaf.before) and not _open(leaf.after):
            text = f"callers have to say who they are: {leaf.text}"
            yield _item(Level.LOOK, kept, text, leaf.path)


def _open(value: object) -> bool:
    return value is None or str(value).lower() in _OPEN


def _item(level: Level, kept: Kept, text: str, path: str, sign: str = "~") -> Item:
    claims = (kept.claim(path),)
    return Item(Section.EXPOSURE, level, kept.subject, text, sign, claims=claims)
