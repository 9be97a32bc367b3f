"""What a process does not load: each library costs memory in every process, and time at every start."""

import os
import subprocess
import sys

from tests.processes.process import CHECKOUT

WORKER = """
import sys, webhooks_project.celery as project
project.app.loader.import_default_modules()
import celery.apps.worker, instagram_webhooks.worker.boot
from celery.fixups.django import DjangoWorkerFixup
DjangoWorkerFixup(project.app).validate_models()
print(*sys.modules)
"""

DOOR = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "webhooks_project.settings"
from webhooks_project.wsgi import application
from webhooks_project.middleware import _resolved
assert _resolved("/webhooks/instagram/").func and _resolved("/readyz").func
print(*sys.modules)
"""
PARENT = """
import sys, webhooks_project.__main__
print(*sys.modules)
"""


def loaded(program):
    environ = os.environ | {"DJANGO_DEBUG": "true"}
    told = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, env=environ, capture_output=True, check=True)
    return set(told.stdout.decode().split())


def test_a_process_that_takes_webhooks_loads_no_page_of_people():
    modules = loaded(DOOR)

    assert "instagram_webhooks.door.views" in modules
    assert not modules & {"requests", "webhooks_project.urls", "rest_framework.views", "instagram_webhooks.desk.api"}
    assert not modules & {"prometheus_client", "instagram_webhooks.desk.gauges"}
    assert not modules & {"drf_spectacular.openapi", "audit.rest"}


def test_the_parent_of_all_web_processes_loads_neither_celery_nor_django_s_models():
    modules = loaded(PARENT)

    assert "granian" in modules
    assert not modules & {"celery", "kombu", "django.db", "instagram_webhooks"}


def test_a_worker_loads_neither_the_http_library_of_alerts_nor_any_address():
    modules = loaded(WORKER)

    assert "instagram_webhooks.worker.work" in modules
    assert not modules & {"requests", "webhooks_project.urls", "webhooks_project.door_urls", "prometheus_client"}
    assert not modules & {"drf_spectacular.openapi", "audit.rest"}
