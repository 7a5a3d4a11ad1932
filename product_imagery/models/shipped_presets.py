"""Marks for the labels and descriptions of shipped presets, which migrations write into the database in English.

They are translated where they are shown, by their English text: what a shop has renamed stays as the shop wrote it.
"""

from __future__ import annotations

from product_imagery.texts import gettext_noop

TEXTS = (
    gettext_noop("White background"),
    gettext_noop("Pure white, centred: what marketplaces ask for"),
    gettext_noop("White with shadow"),
    gettext_noop("White ground, soft shadow under the product"),
    gettext_noop("Cut out"),
    gettext_noop("Transparent background, as PNG"),
    gettext_noop("Studio sweep"),
    gettext_noop("Bright grey studio"),
    gettext_noop("White marble"),
    gettext_noop("Standing on marble, with a reflection"),
    gettext_noop("Oak table"),
    gettext_noop("Warm light, wooden table"),
    gettext_noop("Garden light"),
    gettext_noop("Light through leaves, on weathered boards"),
    gettext_noop("Black and gold"),
    gettext_noop("Dark, with a spot of light"),
    gettext_noop("Pastel"),
    gettext_noop("Soft pink gradient"),
    gettext_noop("Twice as large"),
    gettext_noop("Sharper on big screens"),
    gettext_noop("Portrait 4:5"),
    gettext_noop("More room above and below, nothing stretched"),
    gettext_noop("White, AI Gen Studio"),
    gettext_noop("Made by AI Gen Studio"),
    gettext_noop("Scene, ProductAI.photo"),
    gettext_noop("Made by ProductAI.photo, by prompt"),
    gettext_noop("Edit, ProductAI.photo"),
    gettext_noop("Packshot, Paqshot"),
    gettext_noop("Made by Paqshot"),
    gettext_noop("Lifestyle, Paqshot"),
    gettext_noop("Amazon"),
    gettext_noop("Google Merchant"),
    gettext_noop("Walmart"),
    gettext_noop("Zalando"),
    gettext_noop("OTTO"),
    gettext_noop("bol"),
    gettext_noop("White, fills nine tenths of a square"),
    gettext_noop("White, with some room around"),
    gettext_noop("White, a square of 2200 pixels"),
    gettext_noop("White, upright"),
    gettext_noop("White, with little room around"),
)
