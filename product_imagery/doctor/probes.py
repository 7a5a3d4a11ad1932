"""Everything that is looked at, by command and health URL alike."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks.registry import registry

from product_imagery.doctor import machine, providers, tables, work
from product_imagery.doctor.findings import Finding, Look, problem
from product_imagery.doctor.runner import run_looks

_KEPT = 20.0  #: seconds; what asks other machines is not asked again for each request
_PICTURE_KEPT = 50.0
_DATABASE = (tables.tables, work.progress, work.troubles, work.accounts, work.clocks, work.decisions)
_STORAGE_LATE = "Pictures wait; nothing is bought again. See whether the storage answers, then restart the workers."


def look_at_everything() -> list[Finding]:
    """All findings, for the command."""
    return run_looks([_system(), *_looks()])


def look_for_url() -> list[Finding]:
    """All findings but those about a machine that only serves pages; some were made a moment before."""
    skipped = () if machine.engine_is_here() else ("model", "engine")
    return run_looks([look for look in _looks() if look.what not in skipped], reuse=True)


def _system() -> Look:
    return Look("settings", _checks, 10, "A system check asks something that does not answer.")


def _looks() -> list[Look]:
    away = "Nothing is lost: work goes on when the database answers. See that it runs, and that nothing holds its lock."
    return [
        Look("database", tables.cannot_write, 6, tables.LOCKED),
        Look("work", _rows, 10, away),
        Look("storage", machine.storage_of_results, 10, _STORAGE_LATE, _KEPT),
        Look("target storages", machine.storages_of_products, 10, _STORAGE_LATE, _KEPT),
        Look("temporary files", machine.temporary_files, 5, "See that disk.", _KEPT),
        Look("model", machine.model, 5, "See the disk of the model.", _KEPT),
        Look("engine", machine.engine, 40, "The local engine is too slow here, or hangs.", _PICTURE_KEPT),
        Look("providers", providers.reachability, 10, "See the network and the name server of this machine.", _KEPT),
    ]


def _rows() -> Iterator[Finding]:
    """One after the other on one connection; tables of another state make everything else pointless."""
    for look in _DATABASE:
        found = list(look())
        yield from found
        if look is tables.tables and not all(one.ok for one in found):
            return


def _checks() -> Iterator[Finding]:
    """Our own system checks; those of the host are the host's."""
    found = False
    for check in registry.get_checks(include_deployment_checks=True):
        if check.__module__.startswith("product_imagery."):
            for message in check(app_configs=None, databases=[tables.alias()]):
                found = True
                yield problem(str(message.id), f"{message.msg} {message.hint or ''}".strip())
    if not found:
        yield Finding("settings", True)
