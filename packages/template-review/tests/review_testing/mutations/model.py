# SPDX-License-Identifier: Apache-2.0
"""Operators and the mutations that they make."""

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from template_review.model import Level

Document = dict[str, Any]
"""What ``review_testing.changes.frozen`` gives: stacks with their templates."""

Change = Callable[[Document], None]
"""Changes a document in place."""

Candidates = Callable[[Document], Iterator[tuple[str, Change]]]
"""Every place where an operator applies: (what is changed, how)."""


@dataclass(frozen=True)
class Operator:
    """A kind of change, its label, and the AWS page from which the label follows."""

    name: str
    label: Level
    source: str
    candidates: Candidates


@dataclass(frozen=True)
class Mutation:
    """One change of the frozen templates."""

    operator: Operator
    where: str
    change: Change

    @property
    def title(self) -> str:
        """Unique in a corpus."""
        return f"{self.operator.name}: {self.where}"

    def applied(self, document: Document) -> Document:
        """A changed copy."""
        result = copy.deepcopy(document)
        self.change(result)
        return result


OPERATORS: list[Operator] = []


def operator(name: str, label: Level, source: str) -> Callable[[Candidates], Candidates]:
    """Register a function that finds the places for one kind of change."""

    def register(candidates: Candidates) -> Candidates:
        OPERATORS.append(Operator(name, label, source, candidates))
        return candidates

    return register


def generate(document: Document, seed: int, per_operator: int) -> list[Mutation]:
    """At most ``per_operator`` mutations of each kind; the same for the same seed."""
    from review_testing.mutations import (  # noqa: F401, PLC0415 - importing registers the operators
        gates,
        harmless,
        keeping,
        outward,
        policies,
        watching,
    )

    found = []
    for each in OPERATORS:
        places = sorted(each.candidates(document), key=lambda place: place[0])
        chosen = random.Random(f"{seed} {each.name}")  # noqa: S311 - a choice, not a secret
        if len(places) > per_operator:
            places = chosen.sample(places, per_operator)
        found += [Mutation(each, where, change) for where, change in places]
    return found
