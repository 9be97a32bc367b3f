"""When each account was last heard of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0006_incidents"),)
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
    )
