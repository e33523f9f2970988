# SPDX-License-Identifier: Apache-2.0
"""`[training] from`: what is allowed, and who is found to take whose models."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.config.exchange import exchange_of
from infra.config.settings import SettingsError, load
from rehearsal.taking import moved, taking
from tests.conftest import ROOT

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes an environment file; ``source`` is whose models it takes, ``more`` further lines."""
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path))
    dev = (ROOT / "environments" / "dev.toml").read_text(encoding="utf-8")
    made: list[str] = []

    def one(name: str, source: str = "", more: str = "") -> Path:
        made.append(name)
        text = moved(dev, account=str(len(made)) * 12, region="eu-west-1")
        if source:
            text = taking(text, source, "manual")
        path = tmp_path / f"{name}.toml"
        path.write_text(text.replace("[training]\n", f"[training]\n{more}\n"), encoding="utf-8")
        return path

    return one


def refused(name: str) -> str:
    with pytest.raises(SettingsError) as error:
        load(name)
    return str(error.value)


def test_each_side_finds_the_other(write: Write) -> None:
    write("trains")
    write("takes", "trains")
    write("other", "trains")
    write("alone")
    taker = exchange_of("takes")
    assert (taker.source_name, taker.source) == ("trains", load("trains"))
    assert taker.receivers == {}
    assert exchange_of("trains").receivers == {"other": load("other"), "takes": load("takes")}
    assert exchange_of("alone").receivers == {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nobody", "allowed: another environment (trains)"),
        ("takes", "allowed: another environment (trains), not this one"),
        ("No Name", "training.from = 'No Name': allowed: the name of another environment"),
    ],
)
def test_models_come_from_another_environment(write: Write, source: str, said: str) -> None:
    write("trains")
    path = write("takes", source)
    assert f"{path}: training.from = {source!r}: {said}"[:60] in refused("takes")
    assert said in refused("takes")


def test_models_do_not_come_through_a_third_environment(write: Write) -> None:
    write("trains")
    write("takes", "trains")
    path = write("third", "takes")
    assert refused("third") == (
        f"{path}: training.from = 'takes': allowed: an environment that trains, and takes takes "
        "its models from trains: name trains instead"
    )


def test_two_environments_cannot_take_each_others_models(write: Write) -> None:
    write("one", "two")
    write("two", "one")
    assert "two takes its models from one" in refused("one")


def test_what_only_training_needs_is_refused(write: Write) -> None:
    write("trains")
    path = write("takes", "trains", 'schedule = "cron(0 3 ? * SUN *)"\nepochs = 3')
    assert refused("takes").splitlines() == [
        f"{path}: training.{key} = {value!r}: allowed: nothing beside training.from = 'trains', "
        "because this environment does not train (approval may stay)"
        for key, value in (("epochs", 3), ("schedule", "cron(0 3 ? * SUN *)"))
    ]


def test_faults_of_the_source_are_said(write: Write) -> None:
    source = write("trains", more="maximum_minutes = 0")
    write("takes", "trains")
    found = refused("takes")
    assert f"{source}: training.maximum_minutes = 0" in found
    assert "training.from = 'trains'" in found


def test_the_source_is_not_deployed_while_a_receiver_cannot_be_read(write: Write) -> None:
    """Its next deployment would take the receiver's rights away."""
    write("trains")
    path = write("takes", "trains", 'approval = "nobody"')
    path.write_text(path.read_text().replace('approval = "manual"\n', ""))
    with pytest.raises(SettingsError, match="it takes the models of 'trains'"):
        exchange_of("trains")


def test_an_unknown_key_is_answered_with_the_key_of_the_file(write: Write) -> None:
    write("trains", more='form = "x"')
    assert "did you mean 'from'" in refused("trains")
