# SPDX-License-Identifier: Apache-2.0
"""The index finds every subscription that the broker would have found one by one."""

from hypothesis import given
from hypothesis import strategies as st
from ministack.services import iot

from ministack_edge.iot.subscription_index import SubscriptionIndex, _topic

LEVELS = st.sampled_from(["a", "b", "$aws", ""])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join)
FILTERS = st.builds(
    lambda levels, end: "/".join([*levels, *end]),
    st.lists(st.one_of(LEVELS, st.just("+")), min_size=1, max_size=4),
    st.sampled_from([(), ("#",)]),
)


def found(index, topic):
    token = _topic.set(f"111/here/{topic}")
    try:
        return {name for names in index.values() for name in names}
    finally:
        _topic.reset(token)


@given(st.sets(FILTERS), st.sets(FILTERS), TOPICS)
def test_each_matching_subscription_is_found(filters, removed, topic):
    index = SubscriptionIndex()
    for one in filters | removed:
        index.setdefault(f"111/here/{one}", set()).add(one)
    for one in removed:
        index.pop(f"111/here/{one}", None)
    matching = {one for one in filters - removed if iot._subscription_matches(one, topic)}
    assert matching <= found(index, topic) <= filters - removed
    assert {name for names in index.values() for name in names} == filters - removed


def test_subscriptions_of_other_things_are_not_looked_at():
    index = SubscriptionIndex()
    for number in range(100):
        name = f"$aws/things/camera-{number}/jobs/+/get/accepted"
        index.setdefault(f"111/here/{name}", set()).add(name)
    index.setdefault("111/here/#", set()).add("#")
    assert found(index, "$aws/things/camera-7/jobs/1/get/accepted") == {
        "#",
        "$aws/things/camera-7/jobs/+/get/accepted",
    }
    index.clear()
    assert found(index, "a") == set()
