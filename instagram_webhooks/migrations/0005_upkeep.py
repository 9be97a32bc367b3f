"""When each turn was last taken."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0004_account_replies"),)
    operations = (
        migrations.AddField(model_name="turn", name="taken_at", field=models.DateTimeField(null=True)),
        migrations.AlterModelOptions(
            name="turn",
            options={"default_permissions": (), "verbose_name": "upkeep", "verbose_name_plural": "upkeep"},
        ),
        migrations.AlterModelOptions(name="worker", options={"default_permissions": ()}),
    )
