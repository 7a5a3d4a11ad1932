from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0019_not_published")]

    operations = [migrations.RemoveField("enhancementitem", "source_thumbnail")]
