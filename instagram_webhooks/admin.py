"""What the admin shows of this app, and how it shows the pages of the packages that this app uses."""

import importlib

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django_celery_results.models import GroupResult, TaskResult
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from knox.models import AuthToken

from dead_letters import telling
from instagram_webhooks.desk import letters
from instagram_webhooks.desk.admin_accounts import AccountAdmin
from instagram_webhooks.desk.admin_alerts import AlertAdmin
from instagram_webhooks.desk.admin_blocked import BlockedAdmin
from instagram_webhooks.desk.admin_conversations import ConversationAdmin
from instagram_webhooks.desk.admin_events import EventAdmin
from instagram_webhooks.desk.admin_tokens import TokenAdmin
from instagram_webhooks.desk.admin_upkeep import ResultAdmin, UpkeepAdmin
from instagram_webhooks.desk.admin_workers import WorkerAdmin
from instagram_webhooks.desk.people.admin_users import RoleAdmin, UserAdmin
from instagram_webhooks.inbox.replay import EventSubject
from instagram_webhooks.models import (
    Account,
    BlockedConversation,
    Conversation,
    Incident,
    Turn,
    WebhookEvent,
    Worker,
)

admin.site.register(Account, AccountAdmin)
admin.site.register(WebhookEvent, EventAdmin)
admin.site.register(Conversation, ConversationAdmin)
admin.site.register(BlockedConversation, BlockedAdmin)
admin.site.register(Worker, WorkerAdmin)
admin.site.register(Turn, UpkeepAdmin)
admin.site.register(Incident, AlertAdmin)

telling.register(EventSubject.KIND, letters.told)

# Imported here, their admins are registered now and not again later.
for package in ("django.contrib.auth", "django_celery_results", "django_otp.plugins.otp_static",
                "django_otp.plugins.otp_totp", "knox"):  # fmt: skip
    importlib.import_module(f"{package}.admin")
admin.site.unregister([GroupResult, TaskResult])  # nothing here runs in groups
admin.site.register(TaskResult, ResultAdmin)
admin.site.unregister(
    [AuthToken, Group, StaticDevice, TOTPDevice, User]
)  # devices: a page of theirs would show the keys
admin.site.register(Group, RoleAdmin)
admin.site.register(User, UserAdmin)
admin.site.register(AuthToken, TokenAdmin)
