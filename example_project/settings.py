"""Settings of the example shop. By default it needs no server: SQLite, django-q2 in the same database, local files.

Environment variables change that: ``DATABASE_URL``, ``REDIS_URL``, ``MEDIA_ROOT``, ``AWS_STORAGE_BUCKET_NAME`` with
``AWS_S3_ENDPOINT_URL``, ``ALLOWED_HOSTS``, ``SECRET_KEY``, ``DEBUG``, ``IMAGERY_PUBLIC_BASE_URL``, and
``IMAGERY_FETCH_ALLOW`` (a list of host:port pairs that may be fetched from although they are not public).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))
VAR_DIR.mkdir(parents=True, exist_ok=True)

_HAS_SIDECAR = importlib.util.find_spec("drf_spectacular_sidecar") is not None

DEBUG = os.environ.get("DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "example-only-change-me-in-a-real-shop" if DEBUG else "")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "product_imagery",
    "rest_framework",
    "drf_spectacular",
    *(["drf_spectacular_sidecar"] if _HAS_SIDECAR else []),
    "django_q",
    "example_project.shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_project.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database() -> dict[str, Any]:
    if "DATABASE_URL" in os.environ:
        parsed = importlib.import_module("dj_database_url").config(conn_max_age=None, conn_health_checks=True)
        return dict(parsed)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "shop.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        },
        "TEST": {"NAME": VAR_DIR / f"test-{os.getpid()}.sqlite3"},
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

Q_CLUSTER: dict[str, Any] = {
    "name": "example-shop",
    "workers": 2,
    "queue_limit": 2,
    "bulk": 1,
    "poll": 0.5,
    "timeout": 300,
    "retry": 900,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 100,
    "catch_up": False,
    "time_zone": "UTC",
}
Q_CLUSTER |= {"redis": os.environ["REDIS_URL"]} if "REDIS_URL" in os.environ else {"orm": "default"}

MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", VAR_DIR / "media"))
MEDIA_URL = "/media/"
STATIC_URL = "/static/"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if "AWS_STORAGE_BUCKET_NAME" in os.environ:
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": os.environ["AWS_STORAGE_BUCKET_NAME"],
            "endpoint_url": os.environ.get("AWS_S3_ENDPOINT_URL"),
            "file_overwrite": False,
        },
    }

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
LOGIN_URL = "admin:login"
SILENCED_SYSTEM_CHECKS: list[str] = []

PRODUCT_IMAGERY: dict[str, Any] = {
    "PUBLIC_BASE_URL": os.environ.get("IMAGERY_PUBLIC_BASE_URL", ""),
    "FETCH_ALLOW": tuple(filter(None, os.environ.get("IMAGERY_FETCH_ALLOW", "").split(","))),
}
