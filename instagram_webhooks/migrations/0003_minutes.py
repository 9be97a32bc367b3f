"""The table of what happened in each minute."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0002_storage"),)
    operations = (
        migrations.CreateModel(
            name="Minute",
            fields=[
                ("minute", models.DateTimeField(primary_key=True, serialize=False)),
                ("received", models.IntegerField()),
                ("processed", models.IntegerField()),
                ("dead", models.IntegerField()),
                ("p50_ms", models.IntegerField(null=True)),
                ("p95_ms", models.IntegerField(null=True)),
            ],
            options={"default_permissions": ()},
        ),
    )
