"""Admin sites other than the default one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import AdminSite, ModelAdmin
from django.urls import path

from example_project.shop.models import Product
from product_imagery import admin as imagery
from product_imagery.admin.checks import check_admin_sites
from product_imagery.models import Enhancement
from tests.admin.pages import press_start

back = AdminSite(name="back")


class _ProductAdmin(imagery.EnhanceImagesMixin, ModelAdmin):  # type: ignore[type-arg]
    pass


back.register(Product, _ProductAdmin)
imagery.register(back)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["alone", "beside the default site"])
def sites(request: Any, settings: Any) -> None:
    from django.contrib import admin

    default = [path("admin/", admin.site.urls)] if request.param != "alone" else []
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [*default, path("back/", back.urls)]})


def test_nobody_is_led_to_another_site(sites: None, make_product: Any, person: Any, work: Any) -> None:
    client, product = person("*"), make_product()
    data = {"action": "enhance_images", "_selected_action": [product.pk]}
    response = client.post("/back/shop/product/", data)
    assert response.url.startswith("/back/shop/product/enhance-images/")
    started = press_start(client, response.url, preset="larger")
    assert started.url.startswith("/back/")
    work()
    enhancement = Enhancement.objects.get()
    own = f"/back/product_imagery/enhancement/{enhancement.pk}"
    pages = [started.url, f"{own}/review/?show=all", "/back/product_imagery/enhancementitem/", response.url]
    pages += [f"/back/product_imagery/providerjob/{enhancement.jobs.get().pk}/change/"]
    for page in pages:
        shown = client.get(page, follow=True)
        assert shown.status_code == 200
        assert '="/admin/' not in shown.content.decode(), page


def test_a_shop_may_replace_the_template_of_the_start_page(
    make_product: Any, person: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("back/", back.urls)]})
    monkeypatch.setattr(_ProductAdmin, "enhance_images_template", "admin/product_imagery/page.html")
    data = {"action": "enhance_images", "_selected_action": [make_product().pk]}
    response = person("*").post("/back/shop/product/", data, follow=True)
    assert response.template_name == "admin/product_imagery/page.html"
    assert 'id="imagery-start"' not in response.content.decode()


def test_a_site_that_lacks_our_pages_is_named_and_explained(make_product: Any, person: Any, settings: Any) -> None:
    assert check_admin_sites(None) == []
    bare = AdminSite(name="bare")
    bare.register(Product, _ProductAdmin)
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("bare/", bare.urls)]})
    (warning,) = check_admin_sites(None)
    assert "“bare”" in warning.msg
    data = {"action": "enhance_images", "_selected_action": [make_product().pk]}
    page = person("*").post("/bare/shop/product/", data, follow=True)
    assert "register(site)" in page.content.decode()
    imagery.register(bare)
    assert check_admin_sites(None) == []
