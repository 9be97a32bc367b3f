"""Indexes that are added to tables in use."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.operations.base import Operation


def added(model_name: str, index: models.Index) -> list[Operation]:
    """The operations that build an index while rows are written; of a migration with `atomic = False`.

    The build waits for every transaction that is older than it, a dump for example, for as long as that takes. What a
    build that was ended has left under the index's name is dropped first, so that `migrate` can be run again.
    """
    return [
        migrations.RunSQL("SET lock_timeout = 0", "RESET lock_timeout"),
        migrations.RunSQL(f'DROP INDEX CONCURRENTLY IF EXISTS "{index.name}"', migrations.RunSQL.noop),
        AddIndexConcurrently(model_name=model_name, index=index),
        migrations.RunSQL("RESET lock_timeout", "SET lock_timeout = 0"),
    ]
