# SPDX-License-Identifier: Apache-2.0
"""AWS Lambda entry of the promotion: an approval in the source environment, or `make promote`.

An event of EventBridge names the package that was approved. `make promote` calls the function with
``{"version": 3, "dry_run": true}``; without a version, the newest approved model is meant.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3

from promotion.promote import Promotion
from promotion.settings import PromotionError, Settings, from_environment
from promotion.source import find


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Promote one model; what was done (promotion/promote.py)."""
    del context
    settings = from_environment(os.environ)
    arn, version, dry_run = asked(event)
    source = _source(settings)
    promotion = Promotion(
        settings=settings,
        source_s3=source.client("s3"),
        s3=boto3.client("s3"),
        sagemaker=boto3.client("sagemaker"),
    )
    model = find(source.client("sagemaker"), settings, arn=arn, version=version)
    done = promotion.run(model, dry_run=dry_run)
    print(json.dumps(done))
    return done


def asked(event: Mapping[str, Any]) -> tuple[str, int, bool]:
    """ARN, version and dry run of a request. PromotionError names what is wrong in it."""
    if "detail" in event:
        return str(event["detail"]["ModelPackageArn"]), 0, False
    version, dry_run = event.get("version") or 0, event.get("dry_run", False)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise PromotionError(f"version = {version!r}: allowed: the number of a model version")
    if not isinstance(dry_run, bool):
        raise PromotionError(f"dry_run = {dry_run!r}: allowed: true or false")
    return "", version, dry_run


def _source(settings: Settings) -> boto3.Session:
    """A session in the source's account and region that can only read models."""
    assumed = boto3.client("sts").assume_role(
        RoleArn=settings.source_role, RoleSessionName="promotion", DurationSeconds=900
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
        region_name=settings.source_region,
    )
