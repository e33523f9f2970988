# SPDX-License-Identifier: Apache-2.0
"""Athena's reads and writes with the caller's credentials: Glue's catalog, S3, KMS.

Athena has no role of its own: the catalog, the objects of the tables, the place of the results and
the keys of both are used in the caller's name (Athena user guide, "Identity and access
management"). A query that lacks one of these fails with Athena's reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlparse

from ministack.services import athena, glue

from ministack_edge import ministack_patches
from ministack_edge.enforcement import storage
from ministack_edge.enforcement.actors import Actor, caller
from ministack_edge.enforcement.decisions import AccessDeniedError
from ministack_edge.protocol import Answer, AwsError, Document, arn
from ministack_edge.storage import objects, queries

MODULE = "ministack.services.athena"
DEFAULT_DATABASE = "default"
"""Athena looks at it before any other database ("Configure AWS Glue access to your catalog and
database per AWS Region")."""
_ON_RESULTS_BUCKET = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
_ON_RESULTS = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
"""What AWS's managed policy AmazonAthenaFullAccess has for the place of the results."""


class _QueryError(Exception):
    """Why a query failed, as Athena says it."""


def install() -> None:
    """Decide these reads and writes from now on."""
    ministack_patches.wrap(MODULE, "_start_query_execution", _start)
    ministack_patches.wrap(MODULE, "_rewrite_data_paths", _tables)
    ministack_patches.wrap(MODULE, "_save_query_results", _save)
    ministack_patches.wrap(MODULE, "_get_query_results", _results)


def _start(original: Callable[[Document], Any]) -> Callable[[Document], Any]:
    """Athena looks at the results' bucket before it takes a query."""

    def start(given: Document) -> Any:
        bucket, _ = _place(_output(given))
        if bucket:
            try:
                caller().require("s3:GetBucketLocation", storage.bucket_arn(bucket))
            except AccessDeniedError:
                return AwsError(
                    "InvalidRequestException", f"Unable to verify/create output bucket {bucket}"
                ).answer()
        return original(given)

    return start


def _tables(original: Callable[..., Any]) -> Callable[..., Any]:
    """The catalog and the objects of every table that a query names."""

    async def rewrite(query: str, database: str, catalog: str | None = None) -> Any:
        actor = caller()
        # A table that a query names twice is read once.
        named = {
            (one.database or database, one.table)
            for one in athena._table_references(query)
            if not one.catalog or one.catalog.lower() == "awsdatacatalog"
        }
        for database_name, table in sorted(named):
            _read_table(actor, database_name, table)
        return await original(query, database, catalog)

    return rewrite


def _read_table(actor: Actor, database: str, name: str) -> None:
    found = glue._tables.get(f"{database}/{name}")
    try:
        _ask_catalog(actor, "glue:GetDatabase", DEFAULT_DATABASE)
        _ask_catalog(actor, "glue:GetDatabase", database)
        _ask_catalog(actor, "glue:GetTable", database, name)
        if found and found.get("PartitionKeys") and not _projected(found):
            _ask_catalog(actor, "glue:GetPartitions", database, name)
    except AccessDeniedError as error:
        raise _QueryError(
            f"Insufficient permissions to execute the query. {error.message}"
        ) from error
    if found:
        _read_objects(actor, found)


def _ask_catalog(actor: Actor, action: str, database: str, table: str = "") -> None:
    """Glue asks for a resource and all that it is in."""
    within = ["catalog", f"database/{database}", *([f"table/{database}/{table}"] if table else ())]
    for resource in within:
        actor.require(action, arn("glue", resource))


def _projected(table: Document) -> bool:
    return (table.get("Parameters") or {}).get("projection.enabled") == "true"


def _read_objects(actor: Actor, table: Document) -> None:
    bucket, prefix = _place(str((table.get("StorageDescriptor") or {}).get("Location") or ""))
    if not bucket:
        return
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    below = [key.removeprefix(prefix) for key in objects.keys(bucket, prefix)]
    read = queries.partitioned(table, below)
    try:
        for folder in _folders(prefix, read):
            actor.require("s3:ListBucket", storage.bucket_arn(bucket), s3__prefix=folder)
        for key in read:
            actor.require("s3:GetObject", storage.object_arn(bucket, prefix + key))
        # One object for each key that encrypts: the others would be decided alike.
        encrypted = {storage.encryption_key(bucket, prefix + key): prefix + key for key in read}
        for key in encrypted.values():
            storage.decrypt(actor, bucket, key)
    except AccessDeniedError as error:
        raise _QueryError(
            f"Permission denied on S3 path: s3://{bucket}/{prefix}. {error.message}"
        ) from error


def _folders(prefix: str, read: Sequence[str]) -> Iterator[str]:
    """The folders that are listed; the table's own where it has no objects."""
    found = {str(PurePosixPath(prefix + key).parent) + "/" for key in read}
    yield from sorted(found) or [prefix]


def _save(original: Callable[..., Any]) -> Callable[..., Any]:
    async def save(query: str) -> Any:
        execution = athena._executions[query]
        bucket, key = _place(execution["ResultConfiguration"]["OutputLocation"])
        actor = caller()
        try:
            for action in _ON_RESULTS_BUCKET:
                actor.require(action, storage.bucket_arn(bucket))
            for action in _ON_RESULTS:
                actor.require(action, storage.object_arn(bucket, key))
            storage.encrypt(actor, bucket, _key_of_results(execution), multipart=True)
        except AccessDeniedError as error:
            raise _QueryError(
                f"Access denied when writing output to url: s3://{bucket}/{key}. {error.message}"
            ) from error
        return await original(query)

    return save


def _results(original: Callable[[Document], Any]) -> Callable[[Document], Any]:
    """Results are read from S3 with the credentials of the caller of GetQueryResults."""

    def results(given: Document) -> Any:
        execution = athena._executions.get(given.get("QueryExecutionId"))
        if execution and execution["Status"]["State"] == "SUCCEEDED":
            bucket, key = _place(execution["ResultConfiguration"]["OutputLocation"])
            try:
                caller().require("s3:GetObject", storage.object_arn(bucket, key))
                storage.decrypt(caller(), bucket, key, with_key=_key_of_results(execution))
            except AccessDeniedError as error:
                return _denied(error)
        return original(given)

    return results


def _denied(error: AccessDeniedError) -> Answer:
    return AwsError("AccessDeniedException", error.message).answer()


def _output(given: Document) -> str:
    """Where the results of a query go."""
    asked = (given.get("ResultConfiguration") or {}).get("OutputLocation")
    return str(asked or _workgroup_results(given).get("OutputLocation") or "")


def _workgroup_results(named: Document) -> Document:
    group = athena._workgroups.get(named.get("WorkGroup", "primary")) or {}
    found: Document = (group.get("Configuration") or {}).get("ResultConfiguration") or {}
    return found


def _key_of_results(execution: Document) -> str:
    """The key that the workgroup names; empty for what the bucket has."""
    encryption = _workgroup_results(execution).get("EncryptionConfiguration") or {}
    return str(encryption.get("KmsKey") or "")


def _place(url: str) -> tuple[str, str]:
    """Bucket and key, or the part of one, of an ``s3://`` address."""
    parsed = urlparse(url)
    return parsed.netloc, parsed.path.lstrip("/")
