from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Q

_AMOUNTS = {
    "providerjob": ("job", ("cost",)),
    "enhancement": ("enhancement", ("budget",)),
    "providercredential": ("credential", ("budget_day", "budget_month")),
    "apikey": ("key", ("budget_day",)),
    "preparation": ("preparation", ("reserved", "cost_each")),
}


def raise_to_zero(apps: Any, schema_editor: Any) -> None:
    """Write 0 for a budget below 0, which has allowed as little."""
    alias = schema_editor.connection.alias
    for model, (_, fields) in _AMOUNTS.items():
        for field in fields:
            rows = apps.get_model("product_imagery", model).objects.using(alias)
            rows.filter(**{f"{field}__lt": 0}).update(**{field: 0})


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0012_leases")]

    operations = [
        migrations.RunPython(raise_to_zero, migrations.RunPython.noop, elidable=True),
        *(
            migrations.AddConstraint(
                model,
                models.CheckConstraint(
                    condition=Q((field, None)) | Q((f"{field}__gte", 0)), name=f"imagery_{name}_{field}"
                ),
            )
            for model, (name, fields) in _AMOUNTS.items()
            for field in fields
        ),
        migrations.AddConstraint(
            "resultimage",
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1), name="imagery_result_confidence"
            ),
        ),
    ]
