# SPDX-License-Identifier: Apache-2.0
"""The whole check, of a small repository with a made-up history, as its command says it."""

import subprocess

import pytest

from review_testing.repository import BUCKET, Repository, make
from tests.upgrade.test_declarations import GOOD
from tools import upgrade
from tools.releases import newest

NAMED = {**BUCKET, "Properties": {**BUCKET["Properties"], "BucketName": "photos"}}
DECLARED = GOOD.replace("DatasetBucket5A07B7EE", "Photos")


class Released:
    """A repository and its releases; each records the commit before the one that records it."""

    def __init__(self, repository: Repository) -> None:
        """Nothing is released yet."""
        self.repository = repository
        self.entries: list[str] = []

    def release(self, version: str, *, commit: str = "") -> None:
        """Record what is committed as a release."""
        commit = commit or self.repository.git("rev-parse", "HEAD").strip()
        day = len(self.entries) + 1
        lines = ("[[release]]", f'version = "{version}"', f"date = 2026-12-{day:02d}")
        self.entries.append("\n".join([*lines, f'commit = "{commit}"', ""]))
        self.repository.write(docs__releases_DOT_toml="\n".join(self.entries))
        self.repository.commit()


@pytest.fixture
def released(tmp_path, monkeypatch):
    """A project with one bucket and without a release; the command runs in its working tree."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    found = make(tmp_path / "repository")
    monkeypatch.setattr(upgrade, "ROOT", found.folder)
    return Released(found)


@pytest.fixture
def repository(released):
    """The same, with that bucket released as 0.1.0."""
    released.release("0.1.0")
    return released.repository


def test_an_upgrade_without_losses_passes(repository, capsys):
    repository.write(template_DOT_json={"Resources": {"Photos": BUCKET, "More": BUCKET}})
    assert upgrade.main([]) == 0
    assert "upgrade from 0.1.0: losses: none" in capsys.readouterr().out


def test_a_bucket_that_would_be_replaced_fails_until_it_is_declared(released, repository, capsys):
    repository.write(template_DOT_json={"Resources": {"Photos": NAMED}})
    repository.commit()
    assert upgrade.main([]) == 1
    said = capsys.readouterr().err
    assert "dev: Data/Photos replaced: AWS::S3::Bucket, with its objects" in said
    assert "forced by BucketName" in said
    assert "docs/breaking/" in said
    repository.write(**{"docs__breaking__0001-named-bucket.md".replace(".", "_DOT_"): DECLARED})
    assert upgrade.main([]) == 0
    assert "losses: 1 declared" in capsys.readouterr().out
    # The declaration is no excuse after the next release.
    repository.commit()
    released.release("0.2.0")
    repository.write(template_DOT_json={"Resources": {"Photos": BUCKET}})
    assert upgrade.main([]) == 1
    assert upgrade.main(["--from", "0.1.0"]) == 1
    assert "is not replaced after 0.1.0" in capsys.readouterr().err


def test_a_stateful_resource_keeps_its_logical_id_from_the_first_release_on(released, capsys):
    renamed = {"Resources": {"Pictures": BUCKET}}
    released.repository.write(template_DOT_json=renamed)
    assert upgrade.main([]) == 0
    assert "no release yet (docs/releases.toml)" in capsys.readouterr().out
    released.repository.git("checkout", "--", "template.json")
    released.release("0.1.0")
    released.repository.write(template_DOT_json=renamed)
    assert upgrade.main([]) == 1
    assert "dev: Data/Photos removed" in capsys.readouterr().err


def test_the_newest_release_is_compared_with(released, repository, capsys):
    repository.write(template_DOT_json={"Resources": {"Photos": BUCKET, "More": BUCKET}})
    repository.commit()
    released.release("0.2.0")
    repository.write(template_DOT_json={"Resources": {"Photos": BUCKET}})
    assert upgrade.main([]) == 1
    assert "Data/More removed" in capsys.readouterr().err
    assert upgrade.main(["--from", "0.1.0"]) == 0


def test_a_clone_without_the_releases_commit_says_how_to_fetch_it(repository, tmp_path, capsys):
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(shallow))
    found = newest(shallow)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upgrade, "ROOT", shallow)
        assert upgrade.main([]) == 1
        said = capsys.readouterr().err
        assert f"release 0.1.0 is commit {found.commit}, which this clone lacks" in said
        assert "git fetch --unshallow" in said
        subprocess.run(["git", "fetch", "--quiet", "--unshallow"], cwd=shallow, check=True)
        assert upgrade.main([]) == 0


def test_a_release_that_is_not_there_and_a_bad_declaration_are_named(repository, capsys):
    assert upgrade.main(["--from", "9.0.0"]) == 1
    assert "no release '9.0.0'; recorded: 0.1.0" in capsys.readouterr().err
    repository.write(**{"docs__breaking__0001-x_DOT_md": "text"})
    assert upgrade.main([]) == 1
    assert "0001-x.md: begin with TOML" in capsys.readouterr().err
