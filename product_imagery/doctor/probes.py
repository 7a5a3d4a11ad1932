"""All probes, and their findings for the command and the health URL."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks.registry import registry

from product_imagery.doctor import machine, providers, tables, work
from product_imagery.doctor.findings import Finding, Probe, problem
from product_imagery.doctor.runner import run_probes

_REUSE_SECONDS = 20.0  #: of probes that call other machines
_PICTURE_REUSE_SECONDS = 50.0
_DATABASE = (tables.tables, work.progress, work.failing_tasks, work.credentials, work.clocks, work.decisions)
_STORAGE_LATE = "Pictures wait; nothing is bought again. See whether the storage responds, then restart the workers."


def findings_for_command() -> list[Finding]:
    """Run all probes."""
    return run_probes([_system_checks(), *all_probes()])


def findings_for_url() -> list[Finding]:
    """Run all probes that do not concern the settings, or reuse what they found a moment before.

    A machine that only serves pages needs no engine: there the probes of the engine are skipped.
    """
    skipped = () if machine.engine_is_here() else ("model", "engine")
    return run_probes([probe for probe in all_probes() if probe.what not in skipped], reuse=True)


def _system_checks() -> Probe:
    return Probe("settings", _checks, 10, "A system check waits for something that does not respond.")


def all_probes() -> list[Probe]:
    away = "Nothing is lost: work goes on when the database responds. See that it runs, and that nothing blocks it."
    return [
        Probe("database", tables.accepts_writes, 6, tables.LOCKED),
        Probe("work", _rows, 10, away),
        Probe("storage", machine.storage_of_results, 10, _STORAGE_LATE, _REUSE_SECONDS),
        Probe("target storages", machine.storages_of_products, 10, _STORAGE_LATE, _REUSE_SECONDS),
        Probe("temporary files", machine.temporary_files, 5, "See that disk.", _REUSE_SECONDS),
        Probe("model", machine.model, 5, "See the disk of the model.", _REUSE_SECONDS),
        Probe("engine", machine.engine, 40, "The local engine is too slow here, or hangs.", _PICTURE_REUSE_SECONDS),
        Probe(
            "providers",
            providers.reachability,
            10,
            "See the network and the name server of this machine.",
            _REUSE_SECONDS,
        ),
    ]


def _rows() -> Iterator[Finding]:
    """Examine the rows one kind after the other on one connection; stop if the tables are of another state."""
    for examine in _DATABASE:
        found = list(examine())
        yield from found
        if examine is tables.tables and not all(one.ok for one in found):
            return


def _checks() -> Iterator[Finding]:
    """Run our own system checks, not those of the host."""
    found = False
    for check in registry.get_checks(include_deployment_checks=True):
        if check.__module__.startswith("product_imagery."):
            for message in check(app_configs=None, databases=[tables.alias()]):
                found = True
                yield problem(str(message.id), f"{message.msg} {message.hint or ''}".strip())
    if not found:
        yield Finding("settings", True)
