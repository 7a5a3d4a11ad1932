"""A picture field that is unique takes published pictures, and gives them back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import models

from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.results import publish
from product_imagery.models import ImageVersion
from product_imagery.products import ProductImages, description_of, register
from tests.conftest import draw_product, encoded
from tests.tables import tables_of


@pytest.fixture
def article(transactional_db: None) -> Iterator[Any]:
    class Article(models.Model):
        title = models.CharField(max_length=40)
        photo = models.ImageField(upload_to="articles")
        better = models.ImageField(upload_to="articles/better", unique=True, null=True, blank=True)

        class Meta:
            app_label = "shop"

    @register(Article)
    class ArticlePictures(ProductImages):
        source, target, name = "photo", "better", "title"

    with tables_of(Article):
        yield Article


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_rows_without_a_picture_each_get_one_and_lose_it_again(article: Any, work: Any) -> None:
    for number in range(2):
        row = article(title="Cup")
        row.photo.save(f"{number}.jpg", ContentFile(encoded(draw_product())))
        article.objects.update(better=None)  # what such a shop has to do: Django writes an empty name for no file
    keys = list(article.objects.values_list("pk", flat=True))
    enhance({description_of(article): keys}, spec_of_operation("upscale", {}), channel="command", auto_approve=True)
    work()
    names = set(article.objects.values_list("better", flat=True))
    assert len(names) == 2
    assert None not in names
    for version in ImageVersion.objects.all():
        publish.restore(version, actor=None)
    assert set(article.objects.values_list("better", flat=True)) == {None}
