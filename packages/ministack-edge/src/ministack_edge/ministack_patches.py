# SPDX-License-Identifier: Apache-2.0
"""Every place where ministack is extended, checked before the server starts.

ministack has no plug-in interface, so this package relies on private names of exactly one version.
They are listed once, here: a version that moved one of them is refused with its name, not met later
as an odd failure.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PINNED_VERSION = "1.5.33"

PROVISIONERS = "ministack.services.cloudformation.provisioners"
CHANGE_SETS = "ministack.services.cloudformation.changesets"

REQUIRED_NAMES: dict[str, tuple[str, ...]] = {
    "ministack.app": ("app", "SERVICE_HANDLERS", "_lazy_handler"),
    "ministack.core.router": (
        "SERVICE_PATTERNS",
        "extract_access_key_id",
        "extract_region",
    ),
    "ministack.core.iam_actions": ("extract_resource_arn", "request_tag_context"),
    "ministack.core.iam_evaluator": (
        "_POLICY_REQUIRED",
        "_gather_role_policies",
        "_permissions_boundary",
        "_RESOURCE_POLICY_LOOKUPS",
        "_resolve_condition_key",
        "_resolve_managed_policy_document",
        "_resource_policy",
        "combine_resource_policy",
        "enforce",
        "evaluate",
        "evaluate_resource_policy",
        "parse_policy_document",
        "resolve_principal",
    ),
    "ministack.services.athena": (
        "_create_named_query",
        "_data_format",
        "_delete_named_query",
        "_empty_relation",
        "_executions",
        "_get_query_results",
        "_hive_options",
        "_mock_query_results",
        "_named_queries",
        "_path_partition_keys",
        "_rewrite_data_paths",
        "_save_query_results",
        "_sql_list",
        "_start_query_execution",
        "_table_references",
        "_table_relation",
        "_workgroups",
    ),
    "ministack.services.budgets": ("_create_budget", "_delete_budget", "_update_budget"),
    "ministack.services.iam": ("_roles",),
    "ministack.core.lambda_runtime": ("Worker",),
    "ministack.core.responses": (
        "AccountRegionScopedDict",
        "get_account_id",
        "get_region",
        "request_scope",
    ),
    CHANGE_SETS: (
        "_IMPORT_LOOKUPS",
        "_evaluate_conditions",
        "_find_change_set",
        "_import_resource",
    ),
    PROVISIONERS: (
        "_athena_workgroup_attributes",
        "_RESOURCE_HANDLERS",
        "_cw_metric_alarm_record",
        "_REPLACING_PROPERTIES",
        "_replacing_change",
        "_STACK_TAG_PROPERTY",
        "_physical_name",
        "_tag_map",
    ),
    "ministack.services.s3": (
        "S3_NS",
        "_bucket_default_sse_headers",
        "_bucket_encryption",
        "_bucket_lifecycle",
        "_bucket_logging_config",
        "_bucket_tags",
        "_bucket_versioning",
        "_buckets",
        "_get_object_data",
        "_object_versions",
        "_put_bucket_encryption",
        "_put_bucket_lifecycle",
        "_put_bucket_logging",
        "_put_bucket_ownership_controls",
        "_put_object",
        "_resolve_sse_write_headers",
    ),
    "ministack.services.eventbridge": (
        "_dispatch_event",
        "_invoke_target",
        "_put_events",
        "_pattern_event_view",
        "_dispatch_to_event_bus",
        "_dispatch_to_lambda",
        "_event_bus_policies",
        "_event_buses",
        "_target_matches_request_scope",
    ),
    "ministack.services.iot": (
        "_ddb_attribute_value",
        "_delete_thing_type",
        "_deprecate_thing_type",
        "_certificate_record",
        "_certificates",
        "_ensure_ca",
        "_fleet_provisioning_reply",
        "_mqtt_policy_allows",
        "_mtls_active_registrations",
        "_mtls_port",
        "_mtls_serve_conn",
        "_mtls_start_locked",
        "_MtlsAcceptor",
        "_OWNERSHIP_TOKEN_SECONDS",
        "_ownership_tokens",
        "_parse_fleet_provisioning_topic",
        "_parsed_iot_policy",
        "_policies",
        "_provisioning_role_allows",
        "_dispatch_rule_action",
        "_dispatch_rule_to_lambda",
        "_eval_select_expr",
        "_MISSING",
        "_job_executions",
        "_jobs",
        "_jobs_cancel",
        "_jobs_materialize_executions",
        "_jobs_now_ms",
        "_rule_message",
        "_RULE_ACTION_RESOURCE_KEYS",
        "_run_rule_actions",
        "_subscriptions",
        "_provisioning_templates",
        "_thing_groups",
        "_thing_types",
        "_things",
        "_topic_rules",
        "_jobs_error_tuple_to_rejected",
        "_jobs_job_document_object",
        "_jobs_mqtt_execution",
        "_jobs_mqtt_head",
        "_jobs_mqtt_json",
        "_jobs_rejected",
        "_reserved_topic_publish_allowed",
        "broker_publish",
        "jobs_abort_if_met",
        "jobs_describe_execution",
        "jobs_execution_state",
        "jobs_execution_summary",
        "jobs_notify_thing",
        "jobs_pending_for_thing",
        "jobs_reject_terminal_describe",
        "jobs_update_execution",
        "handle_request",
    ),
    "ministack.services.firehose": ("_deliver_to_s3", "_put_record", "_put_s3_object"),
    "ministack.services.lambda_svc": (
        "_execute_function_with_config_scope",
        "_execution_record_for_config",
        "_functions",
        "_get_func_record_for_ref",
        "_get_func_record_for_ref_in_scope",
    ),
    "ministack.services.cloudwatch": (
        "_calc_stats",
        "_dashboards",
        "_dims_key",
        "_dispatch_alarm_actions",
        "_evaluate_alarm",
        "_evaluate_all_alarms",
        "_evaluate_parent_alarms",
        "_metrics",
        "_record_history",
        "_stat_value",
        "_store_datum",
    ),
    "ministack.services.cloudformation": ("_stacks",),
    "ministack.services.cloudformation.drift": ("detect_resource_drift",),
    "ministack.services.cloudformation.engine": ("_evaluate_conditions", "_parse_template"),
    "ministack.services.cloudformation.handlers": (
        "_ACTION_HANDLERS",
        "_evaluate_conditions",
        "_resolve_stack",
    ),
    "ministack.services.cloudformation.helpers": ("_error", "_p", "_resolve_template"),
    "ministack.services.cloudformation.stacks": (
        "_delete_resource",
        "_evaluate_conditions",
        "_import_resource",
        "_provision_resource",
        "_runs_on_worker_thread",
        "_update_resource",
    ),
    "ministack.services.dynamodb": ("_tables",),
    "ministack.services.glue": ("_databases", "_tables"),
    "ministack.services.sqs": ("_act_send_message", "_queue_by_arn", "_queue_name_to_url"),
    "ministack.services.cloudwatch_logs": (
        "_create_log_group",
        "_create_log_stream",
        "_log_groups",
        "_put_log_events",
    ),
    "ministack.services.stepfunctions": ("_start_execution", "_state_machines"),
}


class IncompatibleMinistackError(RuntimeError):
    """The installed ministack is not the one this package extends."""


def verify() -> None:
    """Refuse to start on a ministack whose names or version differ from the pinned ones."""
    try:
        installed = version("ministack")
    except PackageNotFoundError as error:
        raise IncompatibleMinistackError(
            f"ministack is not installed; this package needs {PINNED_VERSION}"
        ) from error
    missing = [
        f"{module}.{name}"
        for module, names in REQUIRED_NAMES.items()
        for name in names
        if not hasattr(importlib.import_module(module), name)
    ]
    if installed != PINNED_VERSION or missing:
        raise IncompatibleMinistackError(
            f"the local AWS extends ministack {PINNED_VERSION}, "
            f"found {installed}" + (f"; missing: {', '.join(missing)}" if missing else "")
        )


def wrap(module: str, name: str, wrapper: Callable[[Any], Any]) -> None:
    """Replace a function of ministack by `wrapper(original)`."""
    target = importlib.import_module(module)
    setattr(target, name, wrapper(getattr(target, name)))


def add_service(name: str, handler: Any, *, target_prefix: str | None = None) -> None:
    """Route requests signed for `name` (or sent with the JSON target prefix) to `handler`."""
    router = importlib.import_module("ministack.core.router")
    app = importlib.import_module("ministack.app")
    pattern: dict[str, Any] = {"host_patterns": [rf"^{name}\."]}
    if target_prefix:
        pattern["target_prefixes"] = [target_prefix]
    router.SERVICE_PATTERNS[name] = pattern
    app.SERVICE_HANDLERS[name] = handler


def add_resource_type(
    name: str,
    *,
    create: Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]],
    delete: Callable[[str, dict[str, Any]], None],
    update: Callable[..., tuple[str, dict[str, Any]]] | None = None,
    replaced_by: Iterable[str] = (),
    tags: str | None = None,
) -> None:
    """Teach CloudFormation a resource type; `replaced_by` are its create-only properties."""
    provisioners = importlib.import_module(PROVISIONERS)
    handlers: dict[str, Any] = {"create": create, "delete": delete}
    if update is not None:
        handlers["update"] = update
    provisioners._RESOURCE_HANDLERS[name] = handlers
    provisioners._REPLACING_PROPERTIES[name] = tuple(replaced_by)
    if tags is not None:
        provisioners._STACK_TAG_PROPERTY[name] = ("Tags", tags)
