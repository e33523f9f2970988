# SPDX-License-Identifier: Apache-2.0
"""The simulated core's TokenExchangeService, asked as the camera program asks it."""

import urllib.error
import urllib.request

import pytest

from camera.uploads import UploadError, device_credentials
from contracts.inference_recipe import TOKEN_EXCHANGE
from rehearsal.simulated_core.ipc import Client, Ipc
from rehearsal.simulated_core.mqtt import RefusedError
from rehearsal.simulated_core.token_exchange import NAME, TokenExchange

DEPENDS = {"ComponentDependencies": {NAME: {"VersionRequirement": ">=2.0.0 <3.0.0"}}}
KEYS = {"AccessKeyId": "AKID", "SecretAccessKey": "secret", "Token": "session", "Expiration": "x"}


@pytest.fixture
def start():
    """Starts a service that answers what a function gives."""
    started = []

    def run(credentials=lambda: KEYS):
        service = TokenExchange(credentials)
        service.start()
        started.append(service)
        return service

    yield run
    for service in started:
        service.stop()


@pytest.fixture
def component(monkeypatch):
    """Gives this process the variables of a component's."""

    def become(environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return become


def test_it_is_the_service_that_the_component_depends_on():
    assert NAME == TOKEN_EXCHANGE


def test_a_component_that_depends_on_it_gets_the_credentials(start, component):
    component(start().environment(DEPENDS))
    found = device_credentials()
    assert (found.access_key, found.secret_key, found.token) == ("AKID", "secret", "session")


@pytest.mark.parametrize("recipe", [{}, {"ComponentDependencies": None}])
def test_a_component_that_does_not_depend_on_it_is_not_offered_it(start, recipe):
    assert start().environment(recipe) == {}


def test_without_the_token_nothing_is_given_out(start):
    address = start().environment(DEPENDS)["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(address, timeout=60)  # noqa: S310 - loopback


def test_what_aws_refuses_is_an_error_of_the_upload(start, component):
    def refuse():
        raise RefusedError("GET /role-aliases/x/credentials: 403 Access Denied")

    component(start(refuse).environment(DEPENDS))
    with pytest.raises(UploadError, match="500"):
        device_credentials()


def test_its_new_port_is_found_over_the_core_s_ipc(start, component):
    """The program keeps the environment that it began with; a nucleus restarts the service."""
    old = start()
    environment = old.environment(DEPENDS)
    old.stop()
    new = start()
    environment |= {
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": new.environment(DEPENDS)[
            "AWS_CONTAINER_AUTHORIZATION_TOKEN"
        ]
    }
    ipc = Ipc(publish=lambda _topic, _payload: None)
    ipc.services[NAME] = new.configuration
    ipc.start()
    try:
        component(environment | ipc.admit(Client(name="x.Y", configuration={}, thing="cam-1")))
        assert device_credentials().access_key == "AKID"
    finally:
        ipc.stop()
