"""The web process: `make web` serves `application` with granian."""

import os

from django.core.wsgi import get_wsgi_application

from webhooks_project import page_time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")

page_time.limit()
application = get_wsgi_application()
