from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0017_retry_reason")]

    operations = [
        migrations.AddIndex(
            "resultimage", models.Index(fields=["item", "review"], name="imagery_review_of_item")
        ),
    ]
