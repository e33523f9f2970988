# SPDX-License-Identifier: Apache-2.0
"""Topics, bins and component versions: what each accepts, answers and refuses."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.bins import BINS, BinPolicy, contradiction
from contracts.components import content_version
from contracts.topics import ANY_THING, Topics

names = st.text(string.ascii_letters, min_size=1, max_size=12)


def test_topics_of_a_thing():
    topics = Topics("binsight/hall-3")
    assert topics.detections("cam-1") == "binsight/hall-3/cam-1/detections"
    assert topics.telemetry(ANY_THING) == "binsight/hall-3/+/telemetry"
    assert topics.detections("cam-1").split("/")[topics.thing_segment - 1] == "cam-1"


@pytest.mark.parametrize("prefix", ["$aws", "", "a//b", "a/#", "+", "a b", "/a", "a/"])
def test_a_bad_topic_prefix_is_refused_by_name(prefix):
    with pytest.raises(ValueError, match="topic prefix"):
        Topics(prefix)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("Compost", "compost"),
        ("Landfill", "landfill"),
        ("Recycling", "recycling"),
        ("Recycle", "recycling"),
    ],
)
def test_the_seeds_folders_are_bins_already(folder, expected):
    assert BinPolicy({}).bin_for(folder, 0.9) == expected


def test_unsure_and_unknown_go_to_the_default():
    policy = BinPolicy({"glass": "recycling"}, default="compost", unsure_below=0.6)
    assert policy.bin_for("glass", 0.6) == "recycling"
    assert policy.bin_for("glass", 0.59) == "compost"
    assert policy.bin_for("spaceship", 1.0) == "compost"


MATERIALS = ("paper", "cardboard", "trash", "spaceship")


def test_an_item_is_unsure_when_its_bin_is_and_not_when_its_class_is():
    policy = BinPolicy(
        {"paper": "recycling", "cardboard": "recycling", "trash": "compost"}, unsure_below=0.7
    )
    either = policy.sort(MATERIALS, (0.45, 0.4, 0.1, 0.05))
    assert (either.class_name, either.confidence) == ("paper", 0.45)
    assert (either.bin, either.unsure) == ("recycling", False)
    assert either.bin_confidence == pytest.approx(0.85)
    between = policy.sort(MATERIALS, (0.4, 0.0, 0.35, 0.25))
    assert (between.class_name, between.bin, between.unsure) == ("paper", "landfill", True)
    # A class without a bin goes to the default bin, surely.
    other = policy.sort(MATERIALS, (0.1, 0.1, 0.0, 0.8))
    assert (other.class_name, other.bin, other.unsure) == ("spaceship", "landfill", False)


@given(
    st.dictionaries(st.sampled_from(MATERIALS), st.sampled_from(BINS)),
    st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any),
    st.floats(0, 1),
)
def test_a_bin_is_at_least_as_probable_as_its_class(classes, counts, unsure_below):
    policy = BinPolicy(classes, unsure_below=unsure_below)
    shares = [count / sum(counts) for count in counts]
    item = policy.sort(MATERIALS, shares)
    assert item.confidence == max(shares) <= item.bin_confidence + 1e-9 <= 1 + 1e-9
    assert item.bin == policy.bin_for(item.class_name, item.bin_confidence)
    assert item.unsure == (item.bin_confidence < unsure_below)
    if not classes:
        assert item.bin_confidence == pytest.approx(1), "all classes share the default bin"


@given(st.dictionaries(names, st.sampled_from(BINS)), st.sampled_from(BINS), st.floats(0, 1))
def test_a_policy_survives_its_environment_variable(classes, default, unsure_below):
    assume(not contradiction(classes))
    policy = BinPolicy(classes, default=default, unsure_below=unsure_below)
    assert BinPolicy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not JSON"),
        ("[]", "expected an object"),
        ('{"classes": {"a": "bin"}}', "a = 'bin'; allowed: landfill, compost, recycling"),
        ('{"classes": {}, "unsure_below": 2}', "unsure_below = 2"),
        ('{"classes": {}, "unsure": 0.2}', "unknown key 'unsure'"),
    ],
)
def test_a_bad_policy_names_what_is_wrong(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        BinPolicy.from_json(text)


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_versions_follow_content_and_fit_greengrass(digest):
    version = content_version(digest)
    assert version == content_version(digest)
    major, minor, patch = map(int, version.split("."))
    assert major == 1
    assert 0 <= minor <= 999999
    assert 0 <= patch <= 999999


def test_a_version_needs_a_digest():
    with pytest.raises(ValueError, match="hexadecimal"):
        content_version("latest")
