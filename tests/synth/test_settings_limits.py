# SPDX-License-Identifier: Apache-2.0
"""Settings that AWS would refuse at the deployment are refused before synth, by name."""

import re
import string
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.config import settings, tags
from infra.config.errors import SettingsError
from infra.config.limits import STATE_MACHINE_HISTORY
from infra.config.schedules import fault
from infra.config.settings_limits import EVENTS_OF_A_LOOK, over_limits

BASE = {
    "account": "111111111111",
    "region": "us-east-1",
    "prefix": "binsight-test",
    "removal": "destroy",
}
LINES = "\n".join(f'{key} = "{value}"' for key, value in BASE.items())


def environment(**sections):
    return settings.Settings.model_validate({**BASE, **sections})


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(folder))
    (folder / "test.toml").write_text(f"{LINES}\n{text}\n", encoding="utf-8")
    try:
        settings.load("test")
    except SettingsError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[tags]\nteam = "R&D"', ["tags: 'team' = 'R&D': allowed: letters, digits, spaces"]),
        ('[tags]\n"AWS:x" = "1"', ["tags: 'AWS:x' = '1'", "do not begin with aws:"]),
        ('[tags]\nowner = "a"\nOwner = "b"', ["'owner' and 'Owner'", "does not distinguish"]),
        ("[tags]\n" + "\n".join(f'k{n} = ""' for n in range(50)), ["50 tags", "at most 49"]),
        ('[training]\nschedule = "cron(0 25 * * ? *)"', ["training.schedule", "hours '25': 0-23"]),
        ('[training]\nschedule = "rate(1 hours)"', ["training.schedule", "minute, hour, day"]),
        (
            "[rollout]\nlook_seconds = 1\nbake_minutes = 10",
            ["rollout.look_seconds = 1: allowed: 3 or more with rollout.bake_minutes = 10"],
        ),
        (
            "[insights]\ndelivery_seconds = 900\ndelivery_late_minutes = 19",
            ["insights.delivery_late_minutes = 19: allowed: 20 or more", "delivery_seconds = 900"],
        ),
        ('[camera]\ntopic_prefix = "a/b/c/d/e/f/g"', ["camera.topic_prefix", "at most 6 segments"]),
        (
            f'[camera]\ntopic_prefix = "{"t" * 117}"',
            ["camera.topic_prefix", "at most 116 characters", "256 bytes in a topic"],
        ),
        (
            "[bins.classes]\n" + "\n".join(f'class-{n} = "landfill"' for n in range(600)),
            ["bins.classes: as JSON text", "12,288", "recipe"],
        ),
    ],
)
def test_what_aws_would_refuse_is_named(tmp_path, monkeypatch, text, parts):
    found = refused(tmp_path, monkeypatch, text)
    assert len(found) == 1
    for part in [str(tmp_path / "test.toml"), *parts]:
        assert part in found[0]


@pytest.mark.parametrize(
    "text",
    [
        '[tags]\nowner = "Größe 1.0 a/b=c+d-e@f:g_h"\nteam = ""',
        "[rollout]\ncheck_seconds = 1\ntimeout_minutes = 10080",
        "[insights]\ndelivery_seconds = 900\ndelivery_late_minutes = 20",
        '[camera]\ntopic_prefix = "a/b/c/d/e/f"',
        f'[camera]\ntopic_prefix = "{"t" * 116}"',
    ],
)
def test_what_aws_takes_is_taken(tmp_path, monkeypatch, text):
    assert refused(tmp_path, monkeypatch, text) == []


def test_a_topic_prefix_that_makes_the_policy_too_long_is_told_how_long_it_may_be():
    camera = {"topic_prefix": "t" * 116}
    [said] = over_limits(environment(camera=camera, region="ap-southeast-2"))
    assert "at most 115 characters in ap-southeast-2" in said
    camera = {"topic_prefix": "t" * 115}
    assert list(over_limits(environment(camera=camera, region="ap-southeast-2"))) == []


@given(st.integers(1, 3600), st.integers(0, 1440))
def test_a_bake_that_is_taken_leaves_the_history_room(look, bake):
    if not list(over_limits(environment(rollout={"look_seconds": look, "bake_minutes": bake}))):
        events = 2 * EVENTS_OF_A_LOOK * bake * 60 / look
        # tests/rollout/test_deployments.py counts what the checks of a week add.
        assert events < STATE_MACHINE_HISTORY.most / 5


@given(st.integers(0, 900), st.integers(5, 1440))
def test_a_late_alarm_that_is_taken_can_end(seconds, minutes):
    insights = {"delivery_seconds": seconds, "delivery_late_minutes": minutes}
    if not list(over_limits(environment(insights=insights))):
        assert minutes * 60 > seconds


def patterns():
    """What the services' own models say of a tag's key and value: pattern and lengths."""
    session = botocore.session.get_session()
    for service in ("iam", "lambda", "firehose", "iot", "logs", "sagemaker"):
        model = session.get_service_model(service)
        for name in model.shape_names:
            if name.lower() in ("tagkey", "tagvalue", "tagkeytype", "tagvaluetype"):
                found = model.shape_for(name).metadata
                if "pattern" in found:
                    yield service, "key" in name.lower(), found["pattern"]


PATTERNS = tuple(patterns())


def takes(pattern, text):
    """Whether a service's pattern takes a text, its Unicode classes decided by Python."""
    plain = "".join(
        "a" if one.isalpha() or one.isnumeric() or one.isspace() else one for one in text
    )
    simple = pattern.replace(r"\p{L}", "a").replace(r"\p{N}", "0").replace(r"\p{Z}", " ")
    return re.fullmatch(simple, plain) is not None


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_tag_that_is_taken_is_taken_by_every_service(key, value):
    """The patterns are those of the services' own models (botocore)."""
    if not list(tags.faults({key: value})):
        for service, is_key, pattern in PATTERNS:
            assert takes(pattern, key if is_key else value), (service, key, value)


def test_the_services_that_name_characters_are_asked():
    assert {"iam", "lambda", "logs", "sagemaker"} <= {service for service, _, _ in PATTERNS}


@given(
    st.dictionaries(
        st.text(string.ascii_lowercase, min_size=1, max_size=9), st.just("v"), max_size=49
    )
)
def test_up_to_49_plain_tags_are_taken(given_tags):
    assert list(tags.faults(given_tags)) == []


MINUTE, HOUR = st.integers(0, 59), st.integers(0, 23)
SUN = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@given(MINUTE, HOUR, st.sampled_from([*map(str, range(1, 8)), *SUN]))
def test_any_time_of_a_week_is_taken(minute, hour, day):
    assert fault(f"cron({minute} {hour} ? * {day} *)") is None
    assert fault(f"cron({minute} {hour} * * {day} *)") is not None


@given(st.integers(2, 10_000), st.sampled_from(["minute", "hour", "day"]))
def test_a_rate_agrees_in_number(number, unit):
    assert fault(f"rate({number} {unit}s)") is None
    assert fault(f"rate({number} {unit})") is not None
    assert fault(f"rate(1 {unit})") is None
    assert fault(f"rate(0 {unit}s)") is not None


@given(st.integers(60, 10_000))
def test_a_number_beyond_its_field_is_refused(number):
    for text in (f"{number} 3 * * ? *", f"3 {number} * * ? *", f"3 3 {number} * ? *"):
        assert fault(f"cron({text})") is not None
    assert fault(f"cron(0/{number} 3 * * ? *)") is not None


@given(st.text(max_size=40))
def test_whatever_else_is_refused_with_the_form(text):
    assert fault(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 22-2 * * ? *)",
        "cron(0 3 ? * FRI-MON *)",
        "cron(0 3 ? * 1#6 *)",
        "cron(0 3 ? * MON#1,TUE#1 *)",
        "cron(0 3 32W * ? *)",
        "cron(, 3 * * ? *)",
        "cron(5- 3 * * ? *)",
        "cron(0 3 * * ? 1969)",
        "cron(0 3 * * ?)",
        "cron(0  3 * * ? *)",
        "cron(٣ 3 * * ? *)",
        "at(2026-01-01T00:00:00)",
    ],
)
def test_what_the_guide_does_not_have_is_refused(text):
    assert fault(text) is not None


@given(st.from_regex(r"[a-z][a-z0-9-]{1,22}[a-z0-9]", fullmatch=True))
def test_any_prefix_fits_the_names_that_are_made_of_it(prefix):
    assert len(f"{prefix}-provision") <= 36
    assert list(over_limits(environment(prefix=prefix))) == []
