"""The open letters of an account are found by an index: a replay of those of one cause read all that were open."""

from django.db import migrations, models

from audit.indexes import added


class Migration(migrations.Migration):
    atomic = False  # letters are buried while it is built
    dependencies = (("dead_letters", "0003_fresh"),)
    operations = added(
        "deadletter",
        models.Index(
            fields=["account_label", "-created_at", "-id"],
            name="dead_letter_open_by_account",
            include=["cause", "subject_kind", "subject_id"],
            condition=models.Q(status="open"),
        ),
    )
