"""Shipped presets: their labels and descriptions are marked for translation, and shown in the reader's language."""

from __future__ import annotations

import pytest
from django.utils import translation

from product_imagery.models import Preset
from product_imagery.models.shipped_presets import TEXTS

pytestmark = pytest.mark.django_db


def test_every_text_of_a_shipped_preset_is_marked() -> None:
    shipped = {text for row in Preset.objects.values_list("label", "description") for text in row}
    assert shipped == set(TEXTS)


def test_a_shipped_preset_has_its_name_in_the_reader_s_language() -> None:
    preset = Preset.objects.get(name="wood")
    assert (str(preset), str(preset.get_operation_display())) == ("Oak table", "scene")
    with translation.override("de"):
        assert (str(preset), str(preset.get_operation_display())) == ("Eichentisch", "Szene")
    with translation.override("ar"):
        assert (str(preset), str(preset.get_operation_display())) == ("طاولة بلوط", "مشهد")
