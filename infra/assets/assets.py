# SPDX-License-Identifier: Apache-2.0
"""Built archives as CDK assets."""

from functools import cache

from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.assets.bundling import built
from infra.assets.definitions import Bundle

_built = cache(built)  # several environments in one process have the same assets


def archive_asset(scope: Construct, construct_id: str, bundle: Bundle) -> s3_assets.Asset:
    """The bundle's archive in the CDK assets bucket.

    Its hash comes from sources and locks, never from the archive's bytes: they may differ where
    another zlib compressed them.
    """
    asset = _built(bundle)
    return s3_assets.Asset(scope, construct_id, path=asset.path, asset_hash=asset.digest)
