"""
What can go wrong, and what each wrong thing means for the event.

    WebhookError
      Rejected          not one of ours      -> answered 4xx, nothing stored
        UnknownProvider (404), SignatureMismatch (403), HandshakeRefused (403), BodyTooLarge (413)
      StoreUnavailable  our fault            -> answered 503, Meta delivers again
      Retryable         later may work       -> retry on the ladder, then dead letter
        GraphUnreachable (nothing was sent), GraphThrottled (refused for now), PolicyOverBudget,
        PolicyStoreFailed
        OutcomeUnknown  may have been sent   -> look up first, then retry or dead letter
          GraphUnanswered (time-out, reset), GraphFailed (5xx, codes 1 and 2)
        Waiting         not our turn yet     -> retry at the time it names, no attempt used
          AccountPaused, ReplyNotSettled, LookupPostponed, SendInFlight, GraphThrottledFor (a wait that Meta named)
      Parked            a person must act    -> parked until the account is released
        TokenRefused, AccountBlocked, UnknownAccount
      Permanent         later will not work  -> dead letter now
        GraphRefused, Unreadable, PayloadGone, PayloadSealBroken, ReplyUndecided, WorkerKiller,
        SetAside (by a person, so that its conversation goes on)

An exception outside this tree is a bug: dead letter at once, because waiting heals no bug and
a replay after the deploy does. Errors of the database are no outcome at all (worker/work.py).
"""


class WebhookError(Exception):
    """Something this service expects to go wrong."""

    code = "webhook_error"

    def __init__(self, message: str = "", /, **facts: object) -> None:
        super().__init__(message or self.__doc__)
        self.facts = facts  # ids and numbers only; safe to log


# --- at the door -------------------------------------------------------------------------------


class Rejected(WebhookError):
    """The request is not one of ours."""

    code = "rejected"
    status = 400


class UnknownProvider(Rejected):
    """No provider of this name."""

    code = "unknown_provider"
    status = 404


class SignatureMismatch(Rejected):
    """The signature is missing, malformed or made with none of the app secrets."""

    code = "signature_mismatch"
    status = 403


class HandshakeRefused(Rejected):
    """The verification request has a wrong mode, token or no challenge."""

    code = "handshake_refused"
    status = 403


class BodyTooLarge(Rejected):
    """The body is larger than 4 MiB."""

    code = "body_too_large"
    status = 413


class StoreUnavailable(WebhookError):
    """The database did not answer in time."""

    code = "store_unavailable"


# --- later may work ----------------------------------------------------------------------------


class Retryable(WebhookError):
    """It failed and may work later."""

    code = "retryable"


class GraphUnreachable(Retryable):
    """The Graph API could not be reached; nothing was sent."""

    code = "graph_unreachable"


class GraphThrottled(Retryable):
    """The Graph API refused the call because of a rate limit and named no wait."""

    code = "graph_throttled"


class PolicyOverBudget(Retryable):
    """The reply policy took longer than its budget."""

    code = "policy_over_budget"


class PolicyStoreFailed(Retryable):
    """A database failed while the reply policy was asked: its own, or ours under it."""

    code = "policy_store_failed"


class OutcomeUnknown(Retryable):
    """The message may have been sent."""

    code = "outcome_unknown"


class GraphUnanswered(OutcomeUnknown):
    """The Graph API took the request and gave no answer; the message may have been sent."""

    code = "graph_unanswered"


class GraphFailed(OutcomeUnknown):
    """The Graph API failed on its side; the message may have been sent."""

    code = "graph_failed"


class Waiting(Retryable):
    """It is not this event's time yet; `wait_s` says how long."""

    code = "waiting"

    def __init__(self, message: str = "", /, *, wait_s: float, **facts: object) -> None:
        super().__init__(message, wait_s=round(wait_s, 3), **facts)
        self.wait_s = wait_s


class GraphThrottledFor(Waiting):
    """The Graph API refused the call because of a rate limit and said how long to wait."""

    code = "graph_throttled"


class AccountPaused(Waiting):
    """The account is left alone for a while after a refusal or a row of failures."""

    code = "account_paused"


class ReplyNotSettled(Waiting):
    """A reply with an unknown outcome cannot be looked up for certain yet."""

    code = "reply_not_settled"


class LookupPostponed(Waiting):
    """The account has no look-up left at this moment: Meta allows two a second."""

    code = "lookup_postponed"


class SendInFlight(Waiting):
    """A reply in this conversation is on its way, so an echo cannot be told from a person's message."""

    code = "send_in_flight"


# --- a person must act -------------------------------------------------------------------------


class Parked(WebhookError):
    """The account must be put right before this can go on."""

    code = "parked"
    reason = "account"


class TokenRefused(Parked):
    """Meta refused the account's access token."""

    code = "token_refused"
    reason = "token"


class AccountBlocked(Parked):
    """Meta has blocked the account from sending."""

    code = "account_blocked"
    reason = "blocked"


class UnknownAccount(Parked):
    """The event belongs to an account that was never connected."""

    code = "unknown_account"
    reason = "unknown_account"


# --- later will not work -----------------------------------------------------------------------


class Permanent(WebhookError):
    """It failed and will fail again."""

    code = "permanent"


class GraphRefused(Permanent):
    """The Graph API refused the call for good."""

    code = "graph_refused"


class Unreadable(Permanent):
    """Meta signed something whose shape is not known."""

    code = "unreadable"


class PayloadGone(Permanent):
    """The payload was purged, so there is nothing left to process."""

    code = "payload_gone"


class PayloadSealBroken(Permanent):
    """A payload, a token or a reply's text cannot be opened: its key is missing, or it was changed."""

    code = "payload_seal_broken"


class ReplyUndecided(Permanent):
    """Whether the reply was sent cannot be found out; a person must decide."""

    code = "reply_undecided"


class WorkerKiller(Permanent):
    """Workers ended over this event before it had an outcome, and so did a process of its own."""

    code = "worker_killer"


class SetAside(Permanent):
    """A person set it aside, so that its conversation goes on."""

    code = "set_aside"
