# SPDX-License-Identifier: Apache-2.0
"""``python -m review_testing.mutations [SEED [PER_OPERATOR]]``: what the review says to each."""

import sys

from review_testing.changes import assembly, frozen
from review_testing.mutations import generate
from review_testing.plugin import PROJECT
from template_review.comparison import differ
from template_review.verdict import items_of, verdict


def main() -> None:
    """Print every mutation with its label and its verdict; the wrong ones with what was said."""
    seed, count = (int(one) for one in [*sys.argv[1:], "0", "4"][:2])
    base = frozen()
    found = generate(base, seed, count)
    changes = [(m.title, assembly(base), assembly(m.applied(base))) for m in found]
    pairs = differ.compare(changes, project=PROJECT)
    for mutation, pair in zip(found, pairs, strict=True):
        items = items_of(pair)
        level, label = verdict(items), mutation.operator.label
        mark = "  " if level is label else "XX"
        print(f"{mark} {label.words:>12} -> {level.words:<12} {mutation.title}")
        if level is not label:
            for item in items:
                print(f"      {item.level.words}: {item.subject}: {item.text} {item.details[:3]}")


if __name__ == "__main__":
    main()
