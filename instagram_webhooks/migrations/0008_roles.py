"""The roles of people as groups. A role that an installation has changed since stays as it is."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

_LOOKS = (
    *("dead_letters.view_cause", "dead_letters.view_deadletter", "dead_letters.view_replaybatch"),
    *("instagram_webhooks.view_account", "instagram_webhooks.view_conversation"),
    *("instagram_webhooks.view_incident", "instagram_webhooks.view_webhookevent"),
    "django_celery_results.view_taskresult",
)
_OPENS = ("instagram_webhooks.view_payload",)
_ACTS = (
    *("audit.view_auditentry", "dead_letters.act_on_cause", "dead_letters.act_on_deadletter"),
    *("instagram_webhooks.act_on_account", "instagram_webhooks.test_alert"),
)
_AUDITS = ("audit.view_auditentry", "auth.view_group", "auth.view_user", "knox.view_authtoken")
_KEEPS = (
    *("instagram_webhooks.add_account", "instagram_webhooks.change_account"),
    *("auth.add_user", "auth.change_user", "knox.delete_authtoken"),
)
ROLES = {
    "viewer": _LOOKS,
    "support": _LOOKS + _OPENS,
    "operator": _LOOKS + _ACTS,
    "auditor": _LOOKS + _AUDITS,
    "administrator": tuple(dict.fromkeys(_LOOKS + _OPENS + _ACTS + _AUDITS + _KEEPS)),
}


def _ship(apps, schema_editor):
    """Rights are made after all migrations, which is too late for those that need them."""
    for label in sorted({name.partition(".")[0] for names in ROLES.values() for name in names}):
        create_permissions(
            installed.get_app_config(label), apps=apps, verbosity=0, using=schema_editor.connection.alias
        )
    rights = {f"{right.content_type.app_label}.{right.codename}": right
              for right in apps.get_model("auth", "Permission").objects.select_related("content_type")}  # fmt: skip
    for role, names in ROLES.items():
        group, is_new = apps.get_model("auth", "Group").objects.get_or_create(name=role)
        if is_new:
            group.permissions.set([rights[name] for name in names])


class Migration(migrations.Migration):
    dependencies = (
        ("instagram_webhooks", "0007_arrivals"),
        ("audit", "0001_initial"),
        ("dead_letters", "0002_replays"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("django_celery_results", "0014_alter_taskresult_status"),
        ("knox", "0009_extend_authtoken_field"),
    )
    operations = (
        migrations.AlterModelOptions(
            name="eventpayload",
            options={"permissions": (("view_payload", "Can open what customers wrote, with a reason"),)},
        ),
        migrations.AlterModelOptions(
            name="account",
            options={"permissions": (("act_on_account", "Can release, pause, resume and test accounts"),)},
        ),
        migrations.RunPython(_ship, migrations.RunPython.noop),
    )
