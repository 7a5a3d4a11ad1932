"""The marketplace whose rules a look keeps, and looks for some; shops change or switch them off in the admin."""


import product_imagery.models.preset
from django.db import migrations, models


#: name, label, description, rule pack, options
PRESETS = [
    ("amazon", "Amazon", "White, fills nine tenths of a square", "amazon_main", {"size": 2000, "fill": 0.9}),
    ("google-merchant", "Google Merchant", "White, with some room around", "google_merchant", {"size": 1500}),
    ("walmart", "Walmart", "White, a square of 2200 pixels", "walmart", {"size": 2200, "fill": 0.9}),
    ("zalando", "Zalando", "White, upright", "zalando", {"ratio": "1:1.44", "size": 2600, "fill": 0.88}),
    ("otto", "OTTO", "White, fills nine tenths of a square", "otto", {"size": 2000, "fill": 0.88}),
    ("bol", "bol", "White, with little room around", "bol", {"size": 2000, "fill": 0.95}),
]


def add(apps, schema_editor):
    Preset = apps.get_model("product_imagery", "Preset")
    for position, (name, label, description, rules, options) in enumerate(PRESETS, start=21):
        Preset.objects.using(schema_editor.connection.alias).get_or_create(
            name=name,
            defaults={
                "label": label,
                "description": description,
                "operation": "white_background",
                "options": options,
                "rules": rules,
                "provider": "local",
                "position": position,
            },
        )


class Migration(migrations.Migration):

    dependencies = [
        ('product_imagery', '0021_places_in_review'),
    ]

    operations = [
        migrations.AddField(
            model_name='enhancement',
            name='rules',
            field=models.CharField(blank=True, choices=product_imagery.models.preset.pack_choices, editable=False, max_length=40, verbose_name='marketplace'),
        ),
        migrations.AddField(
            model_name='preset',
            name='rules',
            field=models.CharField(blank=True, choices=product_imagery.models.preset.pack_choices, help_text='Its rules are checked on every picture. A picture that breaks one waits for a person.', max_length=40, verbose_name='marketplace'),
        ),
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
