"""What a worker does not load: each library costs memory in every process, and time at every start."""

import os
import subprocess
import sys

from tests.processes.process import CHECKOUT

LOADED = """
import sys, webhooks_project.celery as project
project.app.loader.import_default_modules()
import celery.apps.worker, instagram_webhooks.worker.boot
from celery.fixups.django import DjangoWorkerFixup
DjangoWorkerFixup(project.app).validate_models()
print(*sys.modules)
"""


def test_a_worker_loads_neither_the_http_library_of_alerts_nor_any_address():
    environ = os.environ | {"DJANGO_DEBUG": "true"}
    told = subprocess.run([sys.executable, "-c", LOADED], cwd=CHECKOUT, env=environ, capture_output=True, check=True)
    modules = set(told.stdout.decode().split())

    assert "instagram_webhooks.worker.work" in modules
    assert not modules & {"requests", "webhooks_project.urls"}
