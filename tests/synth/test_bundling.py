# SPDX-License-Identifier: Apache-2.0
"""The assets: what is in them, that they are reproducible, and that a damaged one is rebuilt."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.assets import bundling
from infra.assets.bundling import MAXIMUM_UNZIPPED, NotBundledError
from infra.assets.definitions import BUNDLES, INFERENCE, ROLLOUT, ROOT, TRAINING, Bundle, Source
from tests.synth.assembly_cache import synth_environment

SMALL = Bundle(name="small", sources=(Source(folder="code"), Source(folder="lib", inside="lib")))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree of sources with what must stay out of an archive."""
    for name, text in {
        "code/handler.py": "print('hello')\n",
        "code/README.md": "not for Lambda\n",
        "code/tests/test_handler.py": "not for Lambda\n",
        "code/__pycache__/handler.cpython-311.pyc": "not for Lambda\n",
        "code/.hidden": "not for Lambda\n",
        "lib/util.py": "VALUE = 1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def assets() -> dict[str, Path]:
    """The project's own archives, built if they were not."""
    subprocess.run([sys.executable, "-m", "infra.assets.bundling"], cwd=ROOT, check=True)
    return {bundle.name: ROOT / ".build" / f"{bundle.name}.zip" for bundle in BUNDLES}


def archive(tree: Path) -> Path:
    return tree / ".build" / "small.zip"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_archive_holds_the_sources_and_nothing_else(tree: Path) -> None:
    assert bundling.build(SMALL, tree)
    with zipfile.ZipFile(archive(tree)) as content:
        assert content.namelist() == ["handler.py", "lib/util.py"]
        assert {entry.date_time for entry in content.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_second_build_does_nothing(tree: Path) -> None:
    assert bundling.build(SMALL, tree)
    assert not bundling.build(SMALL, tree)


def test_times_and_modes_of_the_sources_do_not_matter(tree: Path) -> None:
    bundling.build(SMALL, tree)
    before = digest(archive(tree))
    source = tree / "code" / "handler.py"
    source.chmod(0o700)
    os.utime(source, (1, 1))
    archive(tree).unlink()
    assert bundling.build(SMALL, tree)
    assert digest(archive(tree)) == before


def test_changed_sources_make_another_asset(tree: Path) -> None:
    bundling.build(SMALL, tree)
    before = bundling.built(SMALL, tree).digest
    (tree / "lib" / "util.py").write_text("VALUE = 2\n", encoding="utf-8")
    with pytest.raises(NotBundledError, match=r"run: \.venv/bin/python -m infra\.assets\.bundling"):
        bundling.built(SMALL, tree)
    bundling.build(SMALL, tree)
    assert bundling.built(SMALL, tree).digest != before


def test_synth_without_a_build_says_what_to_run(tree: Path) -> None:
    with pytest.raises(NotBundledError, match="asset 'small' is not built"):
        bundling.built(SMALL, tree)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "stamp missing", "stamp not JSON"])
def test_a_damaged_archive_is_built_again(tree: Path, damage: str) -> None:
    bundling.build(SMALL, tree)
    whole = archive(tree).read_bytes()
    stamp = archive(tree).with_suffix(".json")
    if damage == "truncated":
        archive(tree).write_bytes(whole[:-10])
    elif damage == "flipped":
        archive(tree).write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    elif damage == "stamp missing":
        stamp.unlink()
    else:
        stamp.write_text("{", encoding="utf-8")
    assert bundling.build(SMALL, tree)
    assert archive(tree).read_bytes() == whole


def test_an_interrupted_build_leaves_the_former_archive(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "writestr", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bundling.build(SMALL, tree)
    assert [path.name for path in (tree / ".build").iterdir()] == []


def test_the_digest_depends_on_the_lock(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    lock = tmp_path / "lock.txt"
    bundle = Bundle(name="locked", sources=(Source(folder="code"),), lock="lock.txt")
    lock.write_text("numpy==1\n", encoding="utf-8")
    before = bundle.digest(tmp_path)
    lock.write_text("numpy==2\n", encoding="utf-8")
    assert bundle.digest(tmp_path) != before


def test_the_camera_asset_runs_with_nothing_but_itself(
    assets: dict[str, Path], tmp_path: Path
) -> None:
    """All that the program imports is in the asset, after the slimming too."""
    with zipfile.ZipFile(assets["inference"]) as content:
        content.extractall(tmp_path)
    code = (
        "import awsiot.greengrasscoreipc.clientv2, numpy, onnxruntime, simplejpeg, contracts.bins;"
        "assert onnxruntime.get_available_providers();"
        "import camera.settings; print(numpy.__file__)"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; {code}"],
        env=synth_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(tmp_path))


def test_the_camera_asset_is_well_below_what_is_allowed(assets: dict[str, Path]) -> None:
    with zipfile.ZipFile(assets["inference"]) as content:
        size = sum(entry.file_size for entry in content.infolist())
        names = content.namelist()
    assert size < 0.8 * MAXIMUM_UNZIPPED
    assert len(names) == len(set(names))
    assert "camera_handler.py" in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    assert any("LICENSE" in name for name in names)


@pytest.mark.parametrize(
    ("bundle", "needed"),
    [
        (ROLLOUT, {"rollout_handler.py", "rollout/adopt.py", "contracts/components.py"}),
        (
            TRAINING,
            {"training/entrypoint.sh", "training/requirements.in", "contracts/model_archive.py"},
        ),
        (INFERENCE, {"camera_handler.py", "contracts/preprocessing.py"}),
    ],
)
def test_what_each_step_needs_is_in_its_asset(
    assets: dict[str, Path], bundle: Bundle, needed: set[str]
) -> None:
    with zipfile.ZipFile(assets[bundle.name]) as content:
        assert needed <= set(content.namelist())
