# SPDX-License-Identifier: Apache-2.0
"""What a person's shell says about AWS and proxies does not reach the rehearsal."""

import os
import urllib.request

import boto3
import pytest

from ministack_edge.clients import only_local
from ministack_edge.process import LocalAws, LocalAwsError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "work-sso"),
        ("AWS_DEFAULT_PROFILE", "work-sso"),
        ("AWS_ENDPOINT_URL_S3", "https://s3.example"),
        ("AWS_CA_BUNDLE", "/nowhere.pem"),
        ("AWS_CONFIG_FILE", "/nowhere/config"),
        ("AWS_SESSION_TOKEN", "of-somebody"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("aws_profile", "work-sso"),
    ],
)
def test_nothing_of_a_real_account_is_left(name, value):
    environment = {name: value, "PATH": "/bin"}
    only_local(environment)
    assert value not in environment.values()
    assert environment["PATH"] == "/bin"


def test_a_client_is_made_whatever_the_profile(monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[profile half\n")
    monkeypatch.setenv("AWS_PROFILE", "work-sso")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    environment = dict(os.environ)
    only_local(environment)
    monkeypatch.setattr(os, "environ", environment)
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b")
    assert session.client("s3", region_name="us-east-1").meta.region_name == "us-east-1"


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_loopback_goes_past_the_proxy_and_the_persons_own_hosts_stay(monkeypatch, name):
    environment = {"HTTP_PROXY": "http://proxy.example:3128", name: "internal.example, .corp"}
    only_local(environment)
    for key in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    for host in ("127.0.0.1:4566", "localhost:4566", "internal.example", "a.corp"):
        assert urllib.request.proxy_bypass(host), host
    assert not urllib.request.proxy_bypass("pypi.example")


def test_children_go_past_the_proxy_too(tmp_path):
    given = LocalAws(port=4566, work=tmp_path).client_environment(
        account="111111111111", region="us-east-1"
    )
    assert "127.0.0.1" in given["NO_PROXY"].split(",")
    assert given["no_proxy"] == given["NO_PROXY"]


def test_an_account_has_plain_digits(tmp_path):
    with pytest.raises(LocalAwsError, match="12-digit"):
        LocalAws(port=4566, work=tmp_path).client_environment(
            account="\N{ARABIC-INDIC DIGIT ONE}" * 12, region="us-east-1"
        )
