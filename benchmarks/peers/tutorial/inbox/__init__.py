"""The one app: events in, replies out."""
