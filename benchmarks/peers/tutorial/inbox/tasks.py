"""The worker's steps, each a commit of its own."""

import requests
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from inbox.models import AuditLog, Conversation, Message, WebhookEvent


@shared_task(bind=True, max_retries=3)
def process_event(self, event_id):
    event = WebhookEvent.objects.get(pk=event_id)
    if event.status == "processed":
        return "duplicate"
    item = event.payload
    account, participant, text = item["recipient"]["id"], item["sender"]["id"], item["message"]["text"]
    conversation, created = Conversation.objects.get_or_create(account_id=account, participant_id=participant)
    if not created:
        conversation.save()
    said = {"conversation": conversation, "direction": "in", "body": text}
    Message.objects.get_or_create(mid=event_id, defaults=said)
    try:
        answer = requests.post(
            settings.GRAPH_URL,
            json={"recipient": {"id": participant}, "message": {"text": f"Thanks! {text}"}, "ref": event_id},
            timeout=10,
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise self.retry(exc=error, countdown=2**self.request.retries) from error
    event.status = "processed"
    event.processed_at = timezone.now()
    event.save()
    detail = {"reply_id": answer.json()["message_id"]}
    AuditLog.objects.create(action="reply_sent", event_id=event_id, detail=detail)
    return "ok"
