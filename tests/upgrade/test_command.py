# SPDX-License-Identifier: Apache-2.0
"""The whole check, of a small repository with tags, as its command says it."""

import shutil

import pytest

from review_testing.repository import BUCKET, make
from tests.upgrade.test_declarations import GOOD
from tools import upgrade

NAMED = {**BUCKET, "Properties": {**BUCKET["Properties"], "BucketName": "photos"}}
DECLARED = GOOD.replace("DatasetBucket5A07B7EE", "Photos")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A release v0.1.0 with one bucket; the command runs in its working tree."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    found = make(tmp_path / "repository")
    monkeypatch.setattr(upgrade, "ROOT", found.folder)
    found.git("tag", "v0.1.0")
    return found


def test_an_upgrade_without_losses_passes(repository, capsys):
    repository.write(template_DOT_json={"Resources": {"Photos": BUCKET, "More": BUCKET}})
    assert upgrade.main([]) == 0
    assert "upgrade from v0.1.0: losses: none" in capsys.readouterr().out


def test_a_bucket_that_would_be_replaced_fails_until_it_is_declared(repository, capsys):
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
    repository.git("tag", "v0.2.0")
    repository.write(template_DOT_json={"Resources": {"Photos": BUCKET}})
    assert upgrade.main([]) == 1
    assert upgrade.main(["--from", "v0.1.0"]) == 1
    assert "is not replaced after v0.1.0" in capsys.readouterr().err


def test_the_last_tag_is_the_nearest_release_behind(repository):
    assert upgrade.last_tag(repository.folder) == "v0.1.0"
    repository.write(other_DOT_md="text")
    repository.commit()
    repository.git("tag", "nightly")
    assert upgrade.last_tag(repository.folder) == "v0.1.0"


def test_without_a_release_there_is_nothing_to_upgrade_from(repository, tmp_path, capsys):
    repository.git("tag", "--delete", "v0.1.0")
    assert upgrade.last_tag(repository.folder) is None
    assert upgrade.main([]) == 0
    assert "no release here: this clone has no tag v…" in capsys.readouterr().out
    shutil.rmtree(repository.folder / ".git")
    assert upgrade.last_tag(repository.folder) is None


def test_a_release_that_is_not_there_and_a_bad_declaration_are_named(repository, capsys):
    assert upgrade.main(["--from", "v9.0.0"]) == 1
    assert "v9.0.0" in capsys.readouterr().err
    repository.write(**{"docs__breaking__0001-x_DOT_md": "text"})
    assert upgrade.main([]) == 1
    assert "0001-x.md: begin with TOML" in capsys.readouterr().err
