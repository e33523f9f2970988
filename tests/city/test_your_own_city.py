# SPDX-License-Identifier: Apache-2.0
"""Another city is a file: its bins reach every place where bins are shown, and no model changes.

The model knows glass, paper and trash; the city's policy has no line for trash. Its evaluation
report is in tests/training/test_evaluate.py.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from camera_component import environment_of
from rich.console import Console

from camera.page import overlay
from camera.page.views import Inside, Views
from camera.settings import from_environment
from contracts.bins import BinPolicy, as_text, read_policy
from contracts.detection import Detection
from contracts.fleet import Camera
from contracts.inference_recipe import inference_recipe
from contracts.telemetry import Telemetry
from infra.config.errors import SettingsError
from infra.config.settings import load
from infra.edge.component import camera_variables
from rehearsal.playback import SortedPhoto
from rehearsal.report import Report
from rehearsal.samples.set import draw
from template_review.model import Assembly, Level, Pair, Stack
from tests.camera import tiny
from tests.camera.conftest import lens, models, publisher, running, settings, show, wait_for
from tests.camera.test_program import install
from tests.city.munich import CITY, NAMES
from tools.fleet_page import page
from tools.fleet_state import Fleet
from tools.fleet_table import by_bin, table
from tools.template_review_plugin.bins import bin_items

ROOT = Path(__file__).parents[2]
__all__ = ["lens", "models", "publisher", "settings"]


@pytest.fixture
def city(tmp_path, monkeypatch):
    """Writes the environment's file with some text replaced, and reads it."""

    def read(old="", new=""):
        assert old in CITY
        folder = tmp_path / "environments"
        folder.mkdir(exist_ok=True)
        (folder / "muc.toml").write_text(CITY.replace(old, new), encoding="utf-8")
        monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(folder))
        return load("muc")

    return read


@pytest.fixture
def policy(city):
    return city().bins.policy()


def test_the_file_has_the_bins_in_their_order(city, policy, tmp_path):
    assert policy.bin_names == NAMES
    assert policy.bin_for("Glass", 0.9) == "Wertstoffe"
    assert policy.bin_for("bio", 0.9) == "Bio", "a class that is named like a bin"
    assert policy.bin_for("glass", 0.39) == policy.bin_for("landfill", 0.9) == "Restmüll"
    assert policy.unnamed(("glass", "trash", "BIO", "landfill")) == ("trash", "landfill")
    assert read_policy(str(tmp_path / "environments" / "muc.toml")) == policy


def test_what_the_tutorial_shows_is_a_policy(tmp_path):
    text = (ROOT / "docs" / "tutorials" / "your-own-city.md").read_text(encoding="utf-8")
    shown = [block for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "[bins]" in block]
    usual, own = (tmp_path / f"{number}.toml" for number in range(len(shown)))
    usual.write_text(shown[0], encoding="utf-8")
    own.write_text(shown[1], encoding="utf-8")
    assert read_policy(str(usual)).bin_for("coffee_cup", 0.9) == "landfill"
    assert read_policy(str(own)).bin_names == NAMES
    assert read_policy(str(own)).bin_for("organic", 0.9) == "Bio"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"#4a4f57"', '"#f0e040"', "bins.colours = .*a darker colour than #f0e040: .* contrast"),
        ('"#4a4f57"', '"grey"', "bins.colours = .*a colour such as '#4a4f57', not 'grey'"),
        ('"Bio" =', '"restmüll" =', "bins.colours = .*names that differ, ignoring letter case"),
        (
            '"Wertstoffe"\n',
            '"Gelb"\n',
            "bins.classes.glass = 'Gelb': allowed: one of Restmüll, Bio",
        ),
        ('default = "Restmüll"', "", "bins.default = 'landfill': allowed: one of Restmüll, Bio"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(city, old, new, said):
    with pytest.raises(SettingsError, match=rf"muc\.toml: {said}"):
        city(old, new)


def test_the_recipe_carries_them_to_the_program(city, policy):
    found = city()
    recipe = json.loads(
        inference_recipe(
            component="binsight-muc.Inference",
            version="1.2.3",
            artifacts={"x86_64": "s3://b/inference-x86_64.zip"},
            topics=found.topics,
            configuration=camera_variables(found, ""),
        )
    )
    configuration = recipe["ComponentConfiguration"]["DefaultConfiguration"]
    variables = {"AWS_IOT_THING_NAME": "cam-1", **environment_of(configuration)}
    assert from_environment(variables).bins == policy


def test_the_camera_sorts_into_them_and_says_what_is_in_none(
    settings, publisher, models, lens, policy
):
    install(settings, *models["good"])
    show(lens, "1.jpg", tiny.photo("glass"))
    show(lens, "2.jpg", tiny.photo("trash"))
    with running(replace(settings, bins=policy), publisher) as program:
        wait_for(lambda: len(publisher.of("detections")) == 2)
        wait_for(lambda: publisher.state.get("model"))
        inside = Inside(
            live=program.live, model=lambda: program.loop.model, outbox=program.outbox,
            reporter=program.reporter, drift=program.drift,
        )  # fmt: skip
        views = Views(inside, project=program.project, device=program.device)
        state, html = views.state(), views.page.decode()
    glass, trash = map(Detection.from_json, publisher.of("detections"))
    assert (glass.bin, trash.bin) == ("Wertstoffe", "Restmüll")
    assert Telemetry.from_json(publisher.state).unnamed == "trash"
    assert (state["unnamed"], state["default_bin"]) == ("trash", "Restmüll")
    assert json.dumps(list(NAMES))[1:-1] in html
    for index, each in enumerate(policy.bins):
        assert f".bin{index}{{background:{as_text(each.colour)}}}" in html
    picture = np.zeros((240, 320, 3), np.uint8)
    overlay.write_line(picture, "glass > Wertstoffe", policy.colour("Wertstoffe"))
    assert as_text(tuple(map(int, picture[-1, -1]))) == "#8a5a00"


def test_the_fleet_page_has_their_names_and_colours(policy):
    fleet = Fleet(
        environment="muc",
        at_ms=0,
        cameras=[Camera(thing="cam-1", telemetry={"unnamed": "trash"})],
        items=[
            {"date": "2026-11-26", "bin": "Restmüll", "items": "3"},
            {"date": "2026-11-27", "bin": "Restmüll", "items": "4"},
            {"date": "2026-11-27", "bin": "landfill", "items": "1"},
        ],
        bins=policy,
    )
    # What was sorted under the bins of before is counted too.
    assert by_bin(fleet) == [
        ("Restmüll", 4, 7), ("Bio", 0, 0), ("Papier", 0, 0), ("Wertstoffe", 0, 0),
        ("landfill", 1, 1),
    ]  # fmt: skip
    html = page(fleet)
    for each in policy.bins:
        assert f"style='background:{as_text(each.colour)}'>{each.name}</span>" in html
    assert "trash (1 camera), sent to Restmüll" in html
    assert "trash (1 camera), sent to Restmüll" in table(fleet)


def test_a_rehearsal_draws_and_reports_them(policy, tmp_path):
    assert draw(tmp_path, photos_per_class=1, bins=policy.bins) == 4
    assert {folder.name for folder in tmp_path.iterdir()} >= {*NAMES}
    report = Report(environment="muc", dataset="", bins=policy)
    report.photos = [
        SortedPhoto(photo="a.jpg", expected="Bio", class_name="Bio", bin="Bio"),
        SortedPhoto(photo="b.jpg", expected="trash", class_name="trash", bin="Restmüll"),
    ]
    interval = {"confidence": 0.95, "low": 0.4, "high": 0.6}
    report.model = {"metrics": {"accuracy": 0.5, "test_photos": 8, "accuracy_interval": interval}}
    console = Console(record=True, force_terminal=True, color_system="truecolor", width=120)
    report.show(console)
    assert "48;2;107;74;31m Bio " in console.export_text(styles=True, clear=False)
    said = " ".join(console.export_text().split())
    assert "1 of these 2 photos were classified correctly" in said
    assert "has no line for trash: such items go to Restmüll and are not counted as right" in said


def test_the_review_says_which_bins_change(policy):
    def assembly(bins):
        component = {
            "Type": "AWS::GreengrassV2::ComponentVersion",
            "Properties": {"InlineRecipe": json.dumps({"BINSIGHT_BINS": bins.to_json()})},
        }
        template = {"Resources": {"Program": component}}
        edge = Stack("Edge", "muc-edge", "111111111111", "eu-central-1", template)
        return Assembly(environment="muc", prefix="muc", stacks={"Edge": edge})

    before = BinPolicy({"glass": "recycling"}, unsure_below=0.4)
    [item] = bin_items(Pair("muc", assembly(before), assembly(policy)))
    assert item.level is Level.LOOK
    for said in ("bin 1: ", "Restmüll", "#8a5a00", "glass: ", "what no class fits: "):
        assert said in item.text
    darker = replace(policy, bins=(replace(policy.bins[0], colour=(0, 0, 0)), *policy.bins[1:]))
    [item] = bin_items(Pair("muc", assembly(policy), assembly(darker)))
    assert "#000000" in item.text
