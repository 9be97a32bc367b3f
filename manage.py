#!/usr/bin/env python
"""Django's command line."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")
    if sys.argv[1:2] == ["demo"]:  # needs no settings, but Django loads some before it finds the command
        os.environ["DJANGO_DEBUG"] = "true"
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as exc:  # of Django's own commands, `migrate` above all, the first that anybody runs
        reason = str(exc).partition("\n")[0]
        sys.exit(f"The database does not answer: check DATABASE_URL and that PostgreSQL runs. {reason}")
