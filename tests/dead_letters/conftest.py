import pytest

from audit.ids import uuid7
from dead_letters import subject
from dead_letters.bury import BuriedError, bury

KIND = "grave"


class Box:
    """Takes what is delivered, or fails as told."""

    def __init__(self, error=None):
        self.messages, self.error = [], error

    def __call__(self, subject, message):
        if self.error:
            raise self.error
        self.messages.append((subject, message))


class Graves:
    """A small owner of subjects: those in `gone` cannot come back, and each comes back once a death."""

    def __init__(self):
        self.replayed = []
        self.gone = {}
        self.known = {}
        self.decided = []
        self.busy = set()

    def at_work(self, ids):
        return self.busy & set(ids)

    def replay(self, ids, *, reason, actor, over_s=0.0):
        back = {subject_id for subject_id in ids if subject_id not in self.gone}
        self.replayed += [subject_id for subject_id in ids if subject_id in back]
        return back

    def why_not(self, subject_id):
        return self.gone.get(subject_id)

    def outlooks(self, ids):
        return {subject_id: self.known[subject_id] for subject_id in ids if subject_id in self.known}

    def decide(self, subject_id, *, arrived, reason, actor):
        if not self.known.pop(subject_id, subject.Outlook()).is_in_doubt:
            return False
        self.decided.append((subject_id, arrived))
        return True


@pytest.fixture
def graves():
    owner = Graves()
    subject.register(KIND, owner)
    return owner


@pytest.fixture
def buried(graves):
    """Builder: buries a subject and gives its dead letter; only the telling fields are spelled."""
    from dead_letters.models import DeadLetter

    def build(*, error=None, **telling):
        facts = {
            "subject_kind": KIND,
            "subject_id": uuid7(),
            "lane": None,
            "order_at": None,
            "provider": "instagram",
            "kind": "message",
            "account_label": "17841400000000001",
            "correlation_id": f"{uuid7()}.1",
            "attempts": 1,
        }
        return DeadLetter.objects.get(pk=bury(**(facts | telling), error=error or an_error()))

    return build


def an_error(**telling):
    facts = {
        "error_class": "GraphRefused",
        "code": "graph_refused",
        "summary": "The Graph API refused the call for good.",
        "upstream_code": 100,
    }
    return BuriedError(**(facts | telling))


@pytest.fixture
def error():
    return an_error
