from __future__ import annotations

from django.db import migrations, models
from django.db.models import Case, F, Min, OuterRef, Subquery, When
from django.db.models.functions import Coalesce


def rank(apps, schema_editor):
    """Do what ``ItemQuerySet.rank`` does, for all items."""
    items = apps.get_model("product_imagery", "EnhancementItem").objects.using(schema_editor.connection.alias)
    names = ("enhancement_id", "content_type_id", "object_id")
    siblings = items.filter(**{name: OuterRef(name) for name in names}).order_by().values("object_id")
    sure = When(results__warnings=[], then=F("results__confidence") + 2.0)
    value = Case(sure, default="results__confidence")
    least, first = (siblings.annotate(found=Min(one)).values("found") for one in (value, "pk"))
    items.update(worst=Coalesce(Subquery(least), 3.0), head=Subquery(first))


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0020_small_copies")]

    operations = [
        migrations.AddField("enhancementitem", "head", models.BigIntegerField(default=0, editable=False)),
        migrations.AddField("enhancementitem", "worst", models.FloatField(default=3.0, editable=False)),
        migrations.RunPython(rank, migrations.RunPython.noop),
    ]
