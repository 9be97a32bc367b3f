"""Replays of many dead letters."""

import django.db.models.deletion
from django.db import migrations, models

import audit.columns


class Migration(migrations.Migration):
    dependencies = [
        ("dead_letters", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReplayBatch",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("chosen", models.JSONField()),
                ("reason", models.CharField(max_length=500)),
                ("actor", models.CharField(max_length=150, verbose_name="started by")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("stopped", "Stopped"),
                            ("done", "Done"),
                        ],
                        default="running",
                        max_length=12,
                    ),
                ),
                ("why", models.CharField(default="", max_length=200)),
                ("rate", models.SmallIntegerField(verbose_name="letters a second")),
                ("stop_percent", models.SmallIntegerField(verbose_name="stops when more of 100 fail again")),
                ("total", models.IntegerField()),
                ("created_at", models.DateTimeField(db_default=audit.columns.ClockTimestamp())),
                ("ran_at", models.DateTimeField(db_default=audit.columns.ClockTimestamp())),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "replays",
                "indexes": [
                    models.Index(
                        models.F("created_at"),
                        condition=models.Q(("ended_at__isnull", True)),
                        name="replay_batch_unended",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rate__gte", 1),
                            models.Q(
                                models.Q(("ended_at__isnull", True), ("state__in", ("running", "paused"))),
                                models.Q(("ended_at__isnull", False), ("state__in", ("stopped", "done"))),
                                _connector="OR",
                            ),
                        ),
                        name="replay_batch_as_its_state_says",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReplayItem",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "batch_id", "place", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("place", models.IntegerField()),
                ("letter_id", models.UUIDField()),
                ("subject_id", models.UUIDField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("replayed", "Replayed"),
                            ("processed", "Processed"),
                            ("failed", "Failed"),
                            ("skipped", "Skipped"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("why", models.CharField(default="", max_length=200)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "batch",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="dead_letters.replaybatch"),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        models.F("batch"),
                        models.F("outcome"),
                        models.F("place"),
                        condition=models.Q(("outcome__in", ("waiting", "replayed"))),
                        name="replay_item_unended",
                    ),
                    models.Index(
                        models.F("batch"),
                        models.F("done_at"),
                        condition=models.Q(("outcome__in", ("processed", "failed"))),
                        name="replay_item_ended",
                    ),
                ],
            },
        ),
    ]
