# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.review.mutations [SEED [PER_OPERATOR]]``: what the review says to each."""

import sys

from tests.review.changes import assembly, frozen
from tests.review.mutations import generate
from tools.review import differ
from tools.review.verdict import items_of, verdict


def main() -> None:
    """Print every mutation with its label and its verdict; the wrong ones with what was said."""
    seed, count = (int(one) for one in [*sys.argv[1:], "0", "4"][:2])
    base = frozen()
    found = generate(base, seed, count)
    pairs = differ.compare([(m.title, assembly(base), assembly(m.applied(base))) for m in found])
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
