"""Whether a reply policy can be asked at all, for the system check and for a worker that starts."""

from inspect import iscoroutinefunction

from django.core.checks import CheckMessage, Error

from instagram_webhooks.replies.policy import policy_at


def fault_of(path: str) -> CheckMessage | None:
    """What is wrong with the policy at a dotted path; its module is imported for that."""
    try:
        policy: object = policy_at(path)
    except Exception as exc:  # noqa: BLE001 - a module may fail with any error while it is imported
        return Error(
            f"The reply policy {path} cannot be imported ({type(exc).__name__}).",
            hint="Set REPLY_POLICY to the dotted path of a function that the workers can import.",
            id="instagram_webhooks.E001",
        )
    if not callable(policy):
        return _no_function(f"The reply policy {path} cannot be called.", hint="Name a function.")
    if iscoroutinefunction(policy) or iscoroutinefunction(type(policy).__call__):
        return _no_function(
            f"The reply policy {path} is async, and the workers await nothing.",
            hint="Name a function that is defined without async.",
        )
    return None


def _no_function(said: str, *, hint: str) -> CheckMessage:
    return Error(said, hint=hint, id="instagram_webhooks.E002")
