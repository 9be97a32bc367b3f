"""The key of an event begins with the digest of its message, so one index does what two did."""

from django.db import migrations

# Eight bytes of each, with their dashes; what has no message keeps its key.
_LED_BY_THE_MESSAGE = """
UPDATE instagram_webhooks_webhookevent
   SET event_key = (left(message_digest::text, 18) || right(event_key::text, 18))::uuid
 WHERE message_digest IS NOT NULL
"""


class Migration(migrations.Migration):
    """Rewrites every event. Stop web before: one that runs the code of before knows no event by its new key."""

    dependencies = (("instagram_webhooks", "0008_roles"),)
    operations = (
        migrations.RemoveIndex(model_name="webhookevent", name="event_message"),
        # Nothing to take back: half of each old key is gone. What Meta delivers again would be stored again, and
        # answered by no second reply: the ledger knows the message.
        migrations.RunSQL(_LED_BY_THE_MESSAGE, migrations.RunSQL.noop),
    )
