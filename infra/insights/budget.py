# SPDX-License-Identifier: Apache-2.0
"""A monthly budget, with a mail before and when it is used up."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct, IConstruct

from infra.common.stack import environment_of

TAG = "environment"
"""The tag that separates costs by environment; it must be activated as a cost allocation tag."""


def budget_name(construct: IConstruct) -> str:
    """The budget's name: budgets are shared by all regions of an account."""
    environment = environment_of(construct)
    return f"{environment.settings.prefix}-{environment.region}"


class Budget(Construct):
    """The environment's budget for a month. It sends mails and stops nothing.

    If the settings have a tag ``environment``, only costs with that tag count, otherwise all costs
    of the account.
    """

    def __init__(self, scope: Construct, construct_id: str, *, usd: int, email: str) -> None:
        super().__init__(scope, construct_id)
        settings = environment_of(self).settings
        tag = settings.tags.get(TAG)
        budgets.CfnBudget(
            self,
            "Monthly",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=budget_name(self),
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:{TAG}${tag}"]} if tag else None,
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=100,
                        threshold_type="PERCENTAGE",
                    ),
                    # Sent as mail directly: for an encrypted topic, the key's policy would have to
                    # allow AWS Budgets.
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(
                            subscription_type="EMAIL", address=email
                        )
                    ],
                )
                for kind in ("ACTUAL", "FORECASTED")
            ],
        )
