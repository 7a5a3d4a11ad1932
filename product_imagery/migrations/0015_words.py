from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Name columns by the words of the glossary."""

    dependencies = [("product_imagery", "0014_states")]

    operations = [
        migrations.RenameField("providerjob", "troubles", "consecutive_failures"),
        migrations.RenameField("providercredential", "troubles", "consecutive_failures"),
        migrations.RenameField("providercredential", "resting_until", "cooldown_until"),
        migrations.RenameField("enhancement", "door", "channel"),
        migrations.AlterField(
            "enhancement",
            "channel",
            models.CharField(
                choices=[
                    ("admin", "admin"),
                    ("api", "API"),
                    ("command", "command"),
                    ("code", "the shop's own code"),
                ],
                max_length=10,
                verbose_name="started from",
            ),
        ),
        migrations.RemoveConstraint("storedanswer", "imagery_answer_once"),
        migrations.RenameModel("StoredAnswer", "StoredResponse"),
        migrations.RenameIndex(
            "storedresponse",
            old_name="product_ima_created_cf0ec6_idx",
            new_name="product_ima_created_44b99b_idx",
        ),
        migrations.AddConstraint(
            "storedresponse",
            models.UniqueConstraint(fields=["owner", "is_test", "key"], name="imagery_response_once"),
        ),
    ]
