"""The webhook: check the signature, parse, store each event once, queue it."""

import hashlib
import hmac

from django.conf import settings
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from inbox.models import WebhookEvent
from inbox.tasks import process_event


class EntrySerializer(serializers.Serializer):
    id = serializers.CharField()
    time = serializers.IntegerField()
    messaging = serializers.ListField(child=serializers.DictField())


class WebhookSerializer(serializers.Serializer):
    object = serializers.CharField()
    entry = EntrySerializer(many=True)


class Webhook(APIView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request):
        raw = request._request.body  # before DRF reads the stream
        signature = "sha256=" + hmac.new(settings.APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, request.headers.get("X-Hub-Signature-256", "")):
            return Response({"ok": False}, status=401)
        serializer = WebhookSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        for entry in serializer.validated_data["entry"]:
            for item in entry["messaging"]:
                if "message" in item:
                    take(item)
        return Response({"ok": True})


def take(item):
    event, created = WebhookEvent.objects.get_or_create(event_id=item["message"]["mid"], defaults={"payload": item})
    if created:
        process_event.delay(event.event_id)


class Hello(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request):
        return Response({"ok": True})
