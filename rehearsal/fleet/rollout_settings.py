# SPDX-License-Identifier: Apache-2.0
"""The settings of the rollout's function, as the Edge stack gives them to it."""

from contracts.fleet import silent_after_seconds
from infra.config.settings import Settings
from rollout.settings import Settings as RolloutSettings
from rollout.settings import from_environment


def rollout_settings(settings: Settings) -> RolloutSettings:
    """The function's settings in an environment; infra/edge/rollout.py has the same."""
    group = f"arn:aws:iot:{settings.region}:{settings.account}:thinggroup/{settings.prefix}-model"
    variables = {
        "ARTIFACTS_BUCKET": "artifacts",
        "CANARY_GROUP_ARN": f"{group}-canary",
        "FLEET_GROUP_ARN": f"{group}-fleet",
        "INFERENCE_COMPONENT": f"{settings.prefix}.Inference",
        "INSIGHTS_STACK": f"{settings.prefix}-insights",
        "MODEL_COMPONENT": f"{settings.prefix}.Model",
        "MODEL_FOLDER": settings.camera.model_folder,
        "PATIENCE_MINUTES": settings.rollout.timeout_minutes,
        "SILENT_AFTER_SECONDS": silent_after_seconds(settings.camera.telemetry_seconds),
        # The rest has the settings' own names.
        **{name.upper(): value for name, value in settings.rollout.model_dump().items()},
    }
    return from_environment({name: str(value) for name, value in variables.items()})
