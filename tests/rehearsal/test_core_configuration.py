# SPDX-License-Identifier: Apache-2.0
"""The simulated core keeps configuration as nuclei do, from deployment to deployment."""

import pytest

from rehearsal.simulated_core.configuration import ConfigurationStore, Update

EVERYTHING = ("",)


def applied(nucleus, *deployments):
    """The configuration after deployments, each (defaults, update), a minute apart."""
    store = ConfigurationStore(nucleus=nucleus)
    for minute, (defaults, update) in enumerate(deployments, start=1):
        store.apply("x.Y", defaults=defaults, update=update, time=minute * 60.0)
    return store.of("x.Y")


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_an_update_merges_maps_and_replaces_the_rest(nucleus):
    defaults = {"a": {"b": 1, "c": [1]}, "d": 2}
    update = Update(merge={"a": {"c": [2], "e": 3}})
    assert applied(nucleus, (defaults, update)) == {"a": {"b": 1, "c": [2], "e": 3}, "d": 2}
    assert defaults == {"a": {"b": 1, "c": [1]}, "d": 2}


def test_new_defaults_reach_nucleus_lite_only():
    old, new = {"env": {"A": "1"}}, {"env": {"A": "2", "B": "2"}}
    assert applied("java", (old, None), (new, None)) == {"env": {"A": "1", "B": "2"}}
    assert applied("lite", (old, None), (new, None)) == {"env": {"A": "2", "B": "2"}}


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_what_was_merged_stays_whatever_later_deployments_leave_out(nucleus):
    merged = Update(merge={"a": "merged", "gone": "still here"})
    found = applied(nucleus, ({"a": "old"}, merged), ({"a": "new"}, Update(merge={"b": 1})))
    assert found == {"a": "merged", "gone": "still here", "b": 1}


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_reset_comes_before_the_merge_and_brings_the_new_defaults(nucleus):
    before = ({"a": "old", "b": "old"}, Update(merge={"a": "merged", "gone": 1}))
    after = ({"a": "new", "b": "new"}, Update(reset=EVERYTHING, merge={"b": "merged"}))
    assert applied(nucleus, before, after) == {"a": "new", "b": "merged"}
    one = ({"a": "new", "b": "new"}, Update(reset=("/a", "/none/of/these")))
    assert applied(nucleus, before, one)["a"] == "new"
    assert applied(nucleus, before, one)["gone"] == 1


def test_an_older_deployment_does_not_undo_a_newer_one():
    store = ConfigurationStore(nucleus="java")
    store.apply("x.Y", defaults={}, update=Update(merge={"a": "newer"}), time=120.0)
    store.apply("x.Y", defaults={}, update=Update(merge={"a": "older"}), time=60.0)
    assert store.of("x.Y") == {"a": "newer"}


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_map_and_a_value_replace_each_other(nucleus):
    assert applied(nucleus, ({"a": {"b": 1}}, Update(merge={"a": 2}))) == {"a": 2}
    assert applied(nucleus, ({"a": 2}, Update(merge={"a": {"b": 1}}))) == {"a": {"b": 1}}
    assert applied(nucleus, ({"a": {}}, None)) == {"a": {}}


def test_a_saved_store_is_a_copy():
    store = ConfigurationStore(nucleus="java")
    store.apply("x.Y", defaults={"a": {"b": 1}}, update=None, time=1.0)
    saved = store.saved()
    store.apply("x.Y", defaults={}, update=Update(merge={"a": {"b": 2}}), time=2.0)
    store.restore(saved)
    assert store.of("x.Y") == {"a": {"b": 1}}
