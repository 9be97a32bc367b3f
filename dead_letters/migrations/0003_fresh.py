"""Whether an alert was tried stands with the alert now, and no longer with each letter."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("dead_letters", "0002_replays"),)
    operations = (
        migrations.RemoveIndex(model_name="deadletter", name="dead_letter_alert_tried"),
        migrations.RemoveField(model_name="deadletter", name="alert_tried_at"),
    )
