"""When each account was last heard of, and when each turn was last taken."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0005_account_replies"),)
    operations = (
        migrations.CreateModel(
            name="Arrival",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=16)),
                ("account", models.CharField(max_length=64)),
                ("last_at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="arrival",
            constraint=models.UniqueConstraint("provider", "account", name="arrival_once"),
        ),
        migrations.AddField(model_name="turn", name="taken_at", field=models.DateTimeField(null=True)),
        migrations.AlterModelOptions(
            name="turn",
            options={"default_permissions": (), "verbose_name": "upkeep", "verbose_name_plural": "upkeep"},
        ),
        migrations.AlterModelOptions(
            name="worker",
            options={"default_permissions": (), "verbose_name_plural": "queues and workers"},
        ),
    )
