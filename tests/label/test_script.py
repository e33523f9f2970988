# SPDX-License-Identifier: Apache-2.0
"""The rehearsal's script in the place of a person: the real command, its page over HTTP."""

import os

import pytest

from rehearsal.commands import Operator
from rehearsal.errors import RehearsalError
from rehearsal.labelling import label_captures


def _operator():
    return Operator(environment_name="dev", variables=dict(os.environ))


def test_it_labels_what_it_is_given_and_skips_the_rest(place):
    place.put_dataset({"glass": 12, "paper": 12})
    keys = [place.capture(number) for number in range(12)]
    place.capture(50, seed=3)  # the same item again
    other = place.capture(99)
    counts = label_captures(
        _operator(), class_name="organic", keys=keys, progress=lambda _text: None
    )
    assert counts == {"label": 12, "near duplicates": 1, "skip": 1}
    new = [one for one in place.manifest()[1:] if one.startswith("organic/")]
    assert len(new) == 12
    assert other in place.in_captures()
    assert not set(keys) & set(place.in_captures())


def test_too_few_for_a_class_are_said(place):
    place.put_dataset({"glass": 12, "paper": 12})
    keys = [place.capture(number) for number in range(3)]
    with pytest.raises(RehearsalError, match="the new manifest would have no organic"):
        label_captures(_operator(), class_name="organic", keys=keys, progress=print)


def test_a_program_that_ends_is_said():
    operator = Operator(environment_name="nowhere", variables=dict(os.environ))
    with pytest.raises(RehearsalError, match=r"tools\.label gave no address: label: environment"):
        label_captures(operator, class_name="glass", keys=(), progress=print)
