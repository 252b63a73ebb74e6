"""The committed OpenAPI file is valid and says what the code answers."""

import re

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.management.commands.openapi import render_openapi
from api.openapi_plain import PLAIN_PATHS
from api.routes import ROUTES
from tests.environment import ROOT

COMMITTED = ROOT / "docs" / "openapi.yaml"
DESCRIPTION = yaml.safe_load(COMMITTED.read_text())


def test_the_committed_file_is_the_generated_one():
    assert COMMITTED.read_text() == render_openapi(), "run `python manage.py openapi`"


def test_the_committed_file_is_valid_openapi_3_1():
    assert DESCRIPTION["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(DESCRIPTION).validate()


def test_every_plain_route_is_described_with_its_methods():
    described = {path: {method.upper() for method in operations} for path, operations in PLAIN_PATHS.items()}
    public = [route for route in ROUTES if route.handlers and route.path.startswith(PUBLIC)]
    assert described == {route.path: set(route.handlers) for route in public}


PUBLIC = ("/v1/", "/healthz", "/readyz", "/metrics")


@pytest.mark.parametrize("path", sorted(DESCRIPTION["paths"]))
def test_every_operation_names_its_parameters_answers_and_errors(path):
    for operation in DESCRIPTION["paths"][path].values():
        in_path = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path))
        assert operation["operationId"]
        assert operation["description"]
        error = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/Error"}
