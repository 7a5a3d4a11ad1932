from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0016_review")]

    operations = [
        migrations.AddField("preparation", "reason", models.CharField(max_length=60, null=True)),
    ]
