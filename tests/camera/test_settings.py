# SPDX-License-Identifier: Apache-2.0
import pytest

from camera.settings import SettingsError, from_environment

GOOD = {
    "AWS_IOT_THING_NAME": "cam-1",
    "BINSIGHT_TOPIC_PREFIX": "binsight-dev",
    "BINSIGHT_SOURCE": "dir:/photos",
    "BINSIGHT_MODEL_FOLDER": "/var/lib/binsight/models",
    "BINSIGHT_BINS": '{"classes":{"glass":"recycling"},"default":"landfill","unsure_below":0.4}',
}


def test_reads_what_the_component_sets():
    settings = from_environment({**GOOD, "BINSIGHT_TELEMETRY_SECONDS": "30", "PATH": "/bin"})
    assert settings.topics.detections(settings.thing) == "binsight-dev/cam-1/detections"
    assert settings.bins.bin_for("glass", 0.9) == "recycling"
    assert settings.telemetry_seconds == 30
    assert settings.publisher == "greengrass"
    assert settings.unknown == ()


def test_a_newer_configuration_is_read_and_its_unknown_keys_are_named():
    assert from_environment({**GOOD, "BINSIGHT_NEW_KNOB": "1"}).unknown == ("BINSIGHT_NEW_KNOB",)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_setting_is_named(name):
    with pytest.raises(SettingsError, match=f"{name} is missing"):
        from_environment({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BINSIGHT_TOPIC_PREFIX", "$aws/things", "reserved"),
        ("BINSIGHT_MODEL_FOLDER", "models", "absolute"),
        ("BINSIGHT_BINS", "{", "not JSON"),
        ("BINSIGHT_BINS", '{"classes":{"glass":"sea"}}', "landfill, compost, recycling"),
        ("BINSIGHT_TELEMETRY_SECONDS", "often", "allowed are 1 to 86400"),
        ("BINSIGHT_SMOOTHING_FRAMES", "0", "allowed are 1 to 60"),
        ("BINSIGHT_THREADS", "1.5", "whole number"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name, value, said):
    with pytest.raises(SettingsError, match=said) as error:
        from_environment({**GOOD, name: value})
    assert name in str(error.value)
