# SPDX-License-Identifier: Apache-2.0
"""Built archives as CDK assets.

An asset's hash comes from sources and locks, never from the archive's bytes, which depend on the
version of zlib.
"""

from functools import cache

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.assets.bundling import Asset, built
from infra.assets.definitions import Bundle


@cache
def archive(bundle: Bundle) -> Asset:
    """A bundle's path and digest, read once per process and shared by all environments."""
    return built(bundle)


def archive_asset(scope: Construct, construct_id: str, bundle: Bundle) -> s3_assets.Asset:
    """The bundle's archive in the CDK assets bucket."""
    return s3_assets.Asset(
        scope, construct_id, path=archive(bundle).path, asset_hash=archive(bundle).digest
    )


def archive_code(bundle: Bundle) -> lambda_.Code:
    """The bundle's archive as a function's code."""
    return lambda_.Code.from_asset(archive(bundle).path, asset_hash=archive(bundle).digest)
