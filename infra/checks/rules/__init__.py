# SPDX-License-Identifier: Apache-2.0
"""The rules, one per file. A new rule needs a new file and a new line here."""

from infra.checks.rule import Rule
from infra.checks.rules import (
    deletion_policy,
    greengrass_artifact,
    greengrass_owner,
    greengrass_rollback,
    greengrass_rollout,
    greengrass_token_exchange,
    iot_policy_actions,
    iot_policy_thing,
    iot_rule_error_action,
    iot_rule_topic,
    lambda_log_group,
    limits_documents,
    limits_names,
    limits_policies,
    limits_schedules,
    log_retention,
    physical_names,
    sagemaker_encryption,
    sagemaker_roles,
)

RULES: tuple[Rule, ...] = (
    deletion_policy.RULE,
    physical_names.RULE,
    greengrass_artifact.RULE,
    greengrass_rollback.RULE,
    greengrass_rollout.RULE,
    greengrass_owner.RULE,
    greengrass_token_exchange.RULE,
    iot_policy_actions.RULE,
    iot_policy_thing.RULE,
    iot_rule_error_action.RULE,
    iot_rule_topic.RULE,
    lambda_log_group.RULE,
    limits_policies.RULE,
    limits_names.RULE,
    limits_schedules.RULE,
    limits_documents.RULE,
    log_retention.RULE,
    sagemaker_encryption.RULE,
    sagemaker_roles.RULE,
)
