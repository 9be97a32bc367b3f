"""The web process: `make web` serves `application` with granian."""

import os

from django.core.wsgi import get_wsgi_application

from instagram_webhooks.conf import conf
from webhooks_project import kept, page_time, short_way

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")

page_time.limit()
application = short_way.around(get_wsgi_application())

if conf().metrics_token:
    from instagram_webhooks.metrics import files

    files.begin()

from instagram_webhooks.door.lookout import lookout  # noqa: E402  # needs the apps

lookout.start()
kept.keep()
