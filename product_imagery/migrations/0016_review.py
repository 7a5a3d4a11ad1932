from __future__ import annotations

from django.db import migrations, models

from product_imagery.files import results_storage


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0015_words")]

    operations = [
        migrations.AddField(
            "enhancementitem",
            "source_thumbnail",
            models.ImageField(
                blank=True,
                editable=False,
                max_length=500,
                storage=results_storage,
                upload_to="",
                verbose_name="thumbnail of the source",
            ),
        ),
        migrations.AddField("resultimage", "decision", models.UUIDField(db_index=True, editable=False, null=True)),
        migrations.AddField("resultimage", "publish_after", models.DateTimeField(editable=False, null=True)),
        migrations.AddField(
            "resultimage", "review_note", models.CharField(blank=True, max_length=200, verbose_name="reason")
        ),
    ]
