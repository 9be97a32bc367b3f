"""
What can go wrong with the development servers, each told in one sentence that says what to do.

    EmbeddedError
      NoServer        no rung of the ladder fits this machine
      FolderRefused   the private folder is another user's, in use, or closed to the servers' user
      ServerFailed    a server was started and did not answer
"""

from __future__ import annotations


class EmbeddedError(Exception):
    """Base of every error that this package raises on purpose."""


class NoServer(EmbeddedError):
    """No server was found to start, and no URL of a running one is given."""


class FolderRefused(EmbeddedError):
    """The folder cannot be the servers' private folder."""


class ServerFailed(EmbeddedError):
    """A server was started and did not answer."""
