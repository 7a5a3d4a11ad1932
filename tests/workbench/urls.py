"""The example shop's addresses, and those that a theme needs."""

from __future__ import annotations

from django.apps import apps
from django.urls import include, path

from example_project.urls import urlpatterns as shop

urlpatterns = [*([path("grappelli/", include("grappelli.urls"))] if apps.is_installed("grappelli") else []), *shop]
