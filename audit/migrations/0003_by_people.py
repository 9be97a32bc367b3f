"""What people did is found by an index, which costs nothing in the transaction of an event."""

from django.db import migrations, models

from audit.indexes import added

BY_PEOPLE = ~models.Q(actor="system")


class Migration(migrations.Migration):
    atomic = False  # entries are written while they are built
    dependencies = (("audit", "0002_kept_answers"),)
    operations = (
        *added("auditentry", models.Index(fields=["id"], name="audit_by_people", condition=BY_PEOPLE)),
        *added("auditentry", models.Index(fields=["actor", "id"], name="audit_by_person", condition=BY_PEOPLE)),
    )
