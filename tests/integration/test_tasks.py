"""Every task there is: ids in, nothing for what is unknown or done, and over before a lost one comes back."""

import inspect
import json
import uuid
from contextlib import suppress

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection

from config.celery import PERIODS_S, app
from core.audit import AuditRecord

app.loader.import_default_modules()
TASKS = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
WRITTEN = ("billing_entry", "billing_hold", "billing_document", "inference_receipt", "core_outboxmessage")


def asked(task) -> list[str]:
    """Return the names of what a task is told."""
    parameters = inspect.signature(task.run).parameters.values()
    return [each.name for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]


def written() -> tuple[int, ...]:
    with connection.cursor() as cursor:
        counts = []
        for table in WRITTEN:
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts.append(cursor.fetchone()[0])
        return (*counts, AuditRecord.objects.count())


def test_there_are_tasks_and_the_clock_starts_only_those_that_are_told_nothing():
    assert len(TASKS) > 25
    assert PERIODS_S.keys() <= TASKS.keys()
    assert {name for name in PERIODS_S if asked(TASKS[name])} == set()


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_task_is_told_ids_alone_and_has_limits(name):
    task = TASKS[name]
    assert all(argument.endswith("_id") for argument in asked(task))
    hard = task.time_limit or app.conf.task_time_limit
    soft = task.soft_time_limit or app.conf.task_soft_time_limit
    assert 0 < soft < hard < app.conf.broker_transport_options["visibility_timeout"] / 2
    assert task.acks_late
    assert task.ignore_result


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("name", sorted(name for name, task in TASKS.items() if asked(task)))
def test_a_task_about_something_unknown_does_nothing_twice(name):
    """At most it says that there is no such row, which ends in the log."""
    ids = json.loads(json.dumps({argument: str(uuid.uuid4()) for argument in asked(TASKS[name])}))
    before = written()
    for _ in range(2):
        with suppress(ObjectDoesNotExist):
            TASKS[name].run(**ids)
    assert written() == before
