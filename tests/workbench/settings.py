"""The example shop in a theme and language (``IMAGERY_THEME``, ``IMAGERY_LANGUAGE``), with a strict security policy."""

from __future__ import annotations

import os

from example_project import settings as example
from example_project.settings import *  # noqa: F403
from example_project.settings import INSTALLED_APPS, MIDDLEWARE

THEMES = {"stock": [], "unfold": ["unfold"], "jazzmin": ["jazzmin"], "grappelli": ["grappelli"]}

INSTALLED_APPS = [*THEMES[os.environ.get("IMAGERY_THEME", "stock")], *INSTALLED_APPS]
MIDDLEWARE = [*MIDDLEWARE, "tests.workbench.middleware.report_violations"]
ROOT_URLCONF = "tests.workbench.urls"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PRODUCT_IMAGERY = {**example.PRODUCT_IMAGERY, "PROCESSES": 1}
LANGUAGE_CODE = os.environ.get("IMAGERY_LANGUAGE", "en")
LOGGING = {"version": 1, "disable_existing_loggers": True}
