"""What the admin shows of this app, and how it shows the pages of the packages that this app uses."""

import importlib

from django.contrib import admin
from django_celery_results.models import GroupResult
from knox.models import AuthToken

from dead_letters import telling
from instagram_webhooks.desk import letters
from instagram_webhooks.desk.admin_accounts import AccountAdmin
from instagram_webhooks.desk.admin_alerts import AlertAdmin
from instagram_webhooks.desk.admin_blocked import BlockedAdmin
from instagram_webhooks.desk.admin_conversations import ConversationAdmin
from instagram_webhooks.desk.admin_events import EventAdmin
from instagram_webhooks.desk.admin_tokens import TokenAdmin
from instagram_webhooks.inbox.replay import EventSubject
from instagram_webhooks.models import Account, BlockedConversation, Conversation, Incident, WebhookEvent

admin.site.register(Account, AccountAdmin)
admin.site.register(WebhookEvent, EventAdmin)
admin.site.register(Conversation, ConversationAdmin)
admin.site.register(BlockedConversation, BlockedAdmin)
admin.site.register(Incident, AlertAdmin)

telling.register(EventSubject.KIND, letters.told)

# Imported here, their admins are registered now and not again later.
for package in ("django_celery_results", "knox"):
    importlib.import_module(f"{package}.admin")
admin.site.unregister(GroupResult)  # nothing here runs in groups
admin.site.unregister(AuthToken)
admin.site.register(AuthToken, TokenAdmin)
