from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

_ENDED = {
    "providerjob": ("job", Q(state__in=("done", "failed", "cancelled"))),
    "enhancementitem": ("item", Q(status__in=("completed", "failed", "cancelled"))),
    "enhancement": ("enhancement", ~Q(status__in=("queued", "processing"))),
}


def make_rows_agree(apps: Any, schema_editor: Any) -> None:
    """Bring rows that a person or an older version has written into agreement, as the constraints demand it."""
    alias = schema_editor.connection.alias

    def rows(model: str) -> Any:
        return apps.get_model("product_imagery", model).objects.using(alias)

    for model, (_, ended) in _ENDED.items():
        rows(model).filter(ended, finished_at=None).update(finished_at=Now())
        rows(model).filter(~ended, finished_at__isnull=False).update(finished_at=None)
    rows("enhancementitem").filter(_ENDED["enhancementitem"][1]).exclude(active_key=None).update(active_key=None)
    # It has an id at its provider: that it is read there costs nothing.
    known = rows("providerjob").filter(state__in=("queued", "sending")).exclude(remote_id="")
    known.update(state="running", lease_token=None, leased_until=None)
    rows("resultimage").exclude(publication="none").exclude(review="approved").update(review="approved")


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0013_amounts")]

    operations = [
        migrations.RunPython(make_rows_agree, migrations.RunPython.noop, elidable=True),
        *(
            migrations.AddConstraint(
                model,
                models.CheckConstraint(
                    condition=(ended & Q(finished_at__isnull=False)) | (~ended & Q(finished_at=None)),
                    name=f"imagery_{name}_finished",
                ),
            )
            for model, (name, ended) in _ENDED.items()
        ),
        migrations.AddConstraint(
            "enhancementitem",
            models.CheckConstraint(
                condition=Q(active_key=None) | ~Q(status__in=("completed", "failed", "cancelled")),
                name="imagery_item_ended_is_not_active",
            ),
        ),
        migrations.AddConstraint(
            "providerjob",
            models.CheckConstraint(
                condition=Q(remote_id="") | ~Q(state__in=("queued", "sending")), name="imagery_job_unsent_has_no_id"
            ),
        ),
        migrations.AddConstraint(
            "resultimage",
            models.CheckConstraint(
                condition=Q(publication="none") | Q(review="approved"), name="imagery_result_published_if_approved"
            ),
        ),
    ]
