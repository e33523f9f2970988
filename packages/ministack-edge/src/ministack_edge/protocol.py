# SPDX-License-Identifier: Apache-2.0
"""How AWS speaks: errors, answers, ARNs, pages. Shared by every service this package adds."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
)

Document = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Item = TypeVar("Item")

JSON_TYPE = "application/json"


class AwsError(Exception):
    """An error with the code and HTTP status that the real service answers."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def answer(self) -> Answer:
        """The error as it goes over the wire."""
        answer: Answer = error_response_json(self.code, self.message, self.status)
        return answer


def not_found(message: str, *, code: str = "ResourceNotFoundException") -> AwsError:
    """The 404 of REST services."""
    return AwsError(code, message, status=404)


def answer(document: Document | None = None, *, status: int = 200) -> Answer:
    """A JSON answer; None is an empty body."""
    body = b"" if document is None else json.dumps(document).encode()
    return status, {"Content-Type": JSON_TYPE}, body


def arn(service: str, resource: str) -> str:
    """An ARN in the account and region of the current request."""
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def store() -> Any:
    """A dict that every account and region sees separately."""
    return AccountRegionScopedDict()


def now() -> float:
    """Epoch seconds, as the JSON protocols carry timestamps."""
    return round(time.time(), 3)


def iso(epoch_seconds: float) -> str:
    """The timestamp as events carry it."""
    return datetime.fromtimestamp(epoch_seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short_id(length: int = 12) -> str:
    """A random identifier in the alphabet that SageMaker uses."""
    return uuid.uuid4().hex[:length]


def page(
    items: Sequence[Item], *, size: int | str | None, token: str | None, default: int = 100
) -> tuple[list[Item], str | None]:
    """One page of a listing and the token of the next."""
    try:
        start, limit = int(token or 0), int(size or default)
    except ValueError as error:
        raise AwsError("ValidationException", "The pagination token is not valid.") from error
    end = start + limit
    return list(items[start:end]), str(end) if end < len(items) else None


def with_token(document: Document, key: str, token: str | None) -> Document:
    """The listing, with the next token only if there is one."""
    return {**document, key: token} if token else document


def require(document: Document, *names: str) -> None:
    """Every listed member must be there, as the service model says."""
    for name in names:
        if document.get(name) in (None, ""):
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value null at '{name}' failed to satisfy "
                "constraint: Member must not be null",
            )


def without_none(document: Document) -> Document:
    """AWS leaves absent members out instead of sending null."""
    return {key: value for key, value in document.items() if value is not None}


def json_service(
    operations: dict[str, Callable[[Document], Document | None]],
) -> Callable[..., Any]:
    """A handler of the JSON 1.1 protocol: the operation is in the X-Amz-Target header."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        del method, path, query
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            function = operations.get(operation)
            if function is None:
                raise AwsError(
                    "UnknownOperationException",
                    f"The local AWS does not offer {operation or 'this call'}",
                )
            return answer(function(json.loads(body or b"{}")) or {})
        except AwsError as error:
            return error.answer()

    return handle
