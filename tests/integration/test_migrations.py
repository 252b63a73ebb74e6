"""The schema that the models promise is the one the migrations make."""

import pytest
from django.core.management import call_command


@pytest.mark.usefixtures("db")
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
