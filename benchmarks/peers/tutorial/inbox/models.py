"""The tables that all peers share (schema.sql)."""

from django.db import models


class WebhookEvent(models.Model):
    event_id = models.TextField(primary_key=True)
    payload = models.JSONField()
    status = models.TextField(default="received")
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "webhook_idempotency"


class Conversation(models.Model):
    account_id = models.TextField()
    participant_id = models.TextField()
    last_message_at = models.DateTimeField(auto_now=True)

    class Meta:
        managed = False
        db_table = "conversation"
        unique_together = (("account_id", "participant_id"),)


class Message(models.Model):
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE)
    mid = models.TextField(unique=True)
    direction = models.TextField()
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        managed = False
        db_table = "message"


class AuditLog(models.Model):
    action = models.TextField()
    event_id = models.TextField()
    detail = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        managed = False
        db_table = "audit_log"
