# SPDX-License-Identifier: Apache-2.0
"""Budgets are read and written with rights that are not called like the calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from edge_testing.enforcing import ACCOUNT, Person

BUDGET = {
    "BudgetName": "north",
    "BudgetLimit": {"Amount": "10", "Unit": "USD"},
    "TimeUnit": "MONTHLY",
    "BudgetType": "COST",
}


def test_one_budget_is_read_with_view_budget_and_no_other(
    root: Person, person: Callable[..., Person]
) -> None:
    for name in ("north", "south"):
        root.client("budgets").create_budget(
            AccountId=ACCOUNT, Budget={**BUDGET, "BudgetName": name}
        )
    north = f"arn:aws:budgets::{ACCOUNT}:budget/north"
    allowed = {"Effect": "Allow", "Action": "budgets:ViewBudget", "Resource": north}
    reader = person(allowed).client("budgets")
    assert reader.describe_budget(AccountId=ACCOUNT, BudgetName="north")["Budget"]
    with pytest.raises(ClientError, match="budgets:ViewBudget"):
        reader.describe_budget(AccountId=ACCOUNT, BudgetName="south")
    for call in (reader.create_budget, reader.update_budget):
        member = "Budget" if call == reader.create_budget else "NewBudget"
        with pytest.raises(ClientError, match="budgets:ModifyBudget"):
            call(AccountId=ACCOUNT, **{member: BUDGET})
    writer = person({**allowed, "Action": "budgets:ModifyBudget"}).client("budgets")
    writer.update_budget(AccountId=ACCOUNT, NewBudget=BUDGET)
    writer.delete_budget(AccountId=ACCOUNT, BudgetName="north")
