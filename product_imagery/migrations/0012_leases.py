from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Q

_MODELS = ("providerjob", "resultimage", "eventdelivery", "workerlease")


def end_half_leases(apps: Any, schema_editor: Any) -> None:
    """Release leases of which only the token or only the deadline was left: they were over."""
    alias = schema_editor.connection.alias
    for name in _MODELS:
        rows = apps.get_model("product_imagery", name).objects.using(alias)
        half = Q(lease_token=None, leased_until__isnull=False) | Q(lease_token__isnull=False, leased_until=None)
        rows.filter(half).update(lease_token=None, leased_until=None)


def _lease(name: str) -> migrations.AddConstraint:
    whole = Q(lease_token=None, leased_until=None) | Q(lease_token__isnull=False, leased_until__isnull=False)
    return migrations.AddConstraint(name, models.CheckConstraint(condition=whole, name=f"imagery_{name}_lease"))


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0011_body_permissions")]

    operations = [
        migrations.RenameModel("PumpSlot", "WorkerLease"),
        *(
            operation
            for name, deadline in zip(_MODELS, ("claimed_until",) * 3 + ("until",), strict=True)
            for operation in (
                migrations.RenameField(name, "token", "lease_token"),
                migrations.RenameField(name, deadline, "leased_until"),
                migrations.AlterField(
                    name, "lease_token", models.UUIDField(db_index=True, editable=False, null=True)
                ),
                migrations.AlterField(name, "leased_until", models.DateTimeField(editable=False, null=True)),
            )
        ),
        migrations.RenameField("providerjob", "claims", "attempts"),
        migrations.AlterField(
            "providerjob", "attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")
        ),
        migrations.RunPython(end_half_leases, migrations.RunPython.noop, elidable=True),
        *map(_lease, _MODELS),
    ]
