"""Probes of the database: its tables match the installed version, and it accepts writes."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, Error, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from product_imagery.doctor.findings import Finding, problem
from product_imagery.models import ProviderJob

_APP = "product_imagery"


def alias() -> str:
    """Return the alias of the database of this app."""
    return router.db_for_write(ProviderJob) or DEFAULT_DB_ALIAS


def tables() -> Iterator[Finding]:
    """Compare applied migrations and existing columns with the installed version."""
    connection = connections[alias()]
    detail = _migrations(connection) or _columns(connection)
    yield Finding("tables", not detail, detail)


def _migrations(connection: BaseDatabaseWrapper) -> str:
    loader = MigrationLoader(connection)
    known = {name for app, name in loader.disk_migrations if app == _APP}
    applied = {name for app, name in loader.applied_migrations if app == _APP}
    if missing := sorted(known - applied):
        return f"The tables are of an older version: {', '.join(missing)} not applied. Run “manage.py migrate”."
    if unknown := sorted(applied - known):
        return (
            f"The tables are of a newer version: {', '.join(unknown)} applied, which this version does not know. "
            "Install that version again, or restore the database of this one."
        )
    return ""


def _columns(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for model in apps.get_app_config(_APP).get_models():
            table = model._meta.db_table
            if table not in there:
                return _other_state(f"the table {table} is missing")
            found = {one.name for one in connection.introspection.get_table_description(cursor, table)}
            wanted = {str(field.column) for field in model._meta.local_concrete_fields}
            if missing := sorted(wanted - found):
                return _other_state(f"{table} lacks {', '.join(missing)}")
    return ""


def _other_state(detail: str) -> str:
    return (
        f"The tables are of another state of product_imagery, although all migrations count as applied: {detail}. "
        "Install the version that made them, or migrate product_imagery to zero and again (which forgets its history; "
        "published pictures stay)."
    )


def accepts_writes() -> Iterator[Finding]:
    """Make a write that changes nothing, which needs the lock that another connection may have."""
    connection = connections[alias()]
    try:
        connection.ensure_connection()
        ProviderJob.objects.using(connection.alias).filter(pk=-1).update(note="")
    except Error as error:
        yield problem("database", f"{_first_line(error)} {_advice(error)}")
        return
    yield Finding("database", True)


def _first_line(error: Error) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0].rstrip(".") + "."


def _advice(error: Error) -> str:
    if "locked" in str(error):
        return LOCKED
    return "Nothing is lost: work goes on when the database responds. See that it runs and that its address is right."


#: advice where a write waits for ever
LOCKED = (
    "Another process has locked the database: nothing can be written, and a restart of the workers does not help. "
    "End that process (on SQLite “fuser” with the file names it), then work goes on by itself."
)
