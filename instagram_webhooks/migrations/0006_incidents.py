"""What needs a person is one table; refused signatures are counted, and a worker says why it ended by itself."""

from django.db import migrations, models

import audit.columns
import audit.ids


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0005_upkeep"),)
    operations = (
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.UUIDField(default=audit.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=32)),
                ("key", models.CharField(max_length=160)),
                ("facts", models.JSONField(default=dict)),
                ("step", models.SmallIntegerField(default=0)),
                ("begun_at", models.DateTimeField(db_default=audit.columns.ClockTimestamp())),
                ("seen_at", models.DateTimeField(db_default=audit.columns.ClockTimestamp())),
                ("ended_at", models.DateTimeField(null=True)),
                ("tried_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                ("posted_at", models.DateTimeField(null=True)),
                ("end_mailed_at", models.DateTimeField(null=True)),
                ("end_posted_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "alert",
                "permissions": (("test_alert", "Can send a test alert"),),
                "default_permissions": ("view",),
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                models.F("ended_at").desc(),
                models.F("begun_at").desc(),
                models.F("id").desc(),
                name="incident_open_first",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)), fields=("kind", "key"), name="incident_one_open"
            ),
        ),
        migrations.CreateModel(
            name="Refusals",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "minute", "provider", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("minute", models.DateTimeField()),
                ("provider", models.CharField(max_length=16)),
                ("count", models.IntegerField()),
                ("unmatched", models.IntegerField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddField(
            model_name="worker",
            name="unwell",
            field=models.CharField(db_default="", default="", max_length=8),
        ),
        migrations.DeleteModel(name="HeadAlarm"),
    )
