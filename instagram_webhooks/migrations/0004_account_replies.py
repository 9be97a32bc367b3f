"""An account's replies are on, off or in shadow, and a person can pause it."""

from django.db import migrations, models

_AS_BEFORE = "UPDATE instagram_webhooks_account SET replies = 'off' WHERE NOT replies_on"
_AS_AFTER = "UPDATE instagram_webhooks_account SET replies_on = (replies = 'on')"


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0003_minutes"),)
    operations = (
        migrations.AddField(
            model_name="account",
            name="replies",
            field=models.CharField(
                max_length=8,
                default="on",
                choices=[("on", "on"), ("shadow", "shadow"), ("off", "off")],
            ),
        ),
        migrations.RunSQL(_AS_BEFORE, _AS_AFTER),
        migrations.RemoveField(model_name="account", name="replies_on"),
        migrations.AddField(
            model_name="account",
            name="hand_paused_until",
            field=models.DateTimeField(null=True, editable=False),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                name="account_replies_known", condition=models.Q(replies__in=["on", "shadow", "off"])
            ),
        ),
    )
