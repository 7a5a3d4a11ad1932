"""The looks that ship. Shops change or switch them off in the admin; they are not put back."""

from __future__ import annotations

from django.db import migrations

PRESETS = [
    ("white", "White background", "Pure white, centred: what marketplaces ask for", "white_background", {}),
    ("white-shadow", "White with shadow", "White ground, soft shadow under the product", "white_background", {"shadow": True}),
    ("cut-out", "Cut out", "Transparent background, as PNG", "remove_background", {}),
    ("studio", "Studio sweep", "Bright grey studio", "scene", {"scene": "studio_sweep"}),
    ("marble", "White marble", "Standing on marble, with a reflection", "scene", {"scene": "marble"}),
    ("wood", "Oak table", "Warm light, wooden table", "scene", {"scene": "wood"}),
    ("garden", "Garden light", "Light through leaves, on weathered boards", "scene", {"scene": "nature_light"}),
    ("luxury", "Black and gold", "Dark, with a spot of light", "scene", {"scene": "luxury_dark"}),
    ("pastel", "Pastel", "Soft pink gradient", "scene", {"scene": "pastel_gradient"}),
    ("larger", "Twice as large", "Sharper on big screens", "upscale", {"factor": "2"}),
    ("portrait", "Portrait 4:5", "More room above and below, nothing stretched", "expand", {"ratio": "4:5"}),
]
HOSTED = [
    ("aigenstudio-white", "White, AI Gen Studio", "Made by AI Gen Studio", "white_background", "aigenstudio"),
    ("productai-scene", "Scene, ProductAI.photo", "Made by ProductAI.photo, by prompt", "scene", "productai"),
    ("productai-edit", "Edit, ProductAI.photo", "Made by ProductAI.photo, by prompt", "edit", "productai"),
    ("paqshot-white", "Packshot, Paqshot", "Made by Paqshot", "white_background", "paqshot"),
    ("paqshot-scene", "Lifestyle, Paqshot", "Made by Paqshot", "scene", "paqshot"),
]


def add(apps, schema_editor):
    Preset = apps.get_model("product_imagery", "Preset")
    local = [(*preset, "local") for preset in PRESETS]
    hosted = [(*preset[:4], {}, preset[4]) for preset in HOSTED]
    for position, (name, label, description, operation, options, provider) in enumerate(local + hosted, start=1):
        Preset.objects.using(schema_editor.connection.alias).get_or_create(
            name=name,
            defaults={
                "label": label,
                "description": description,
                "operation": operation,
                "options": options,
                "provider": provider,
                "position": position * 10,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("product_imagery", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
