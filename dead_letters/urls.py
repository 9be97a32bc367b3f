"""The API's paths of dead letters, their causes and replays of many, to be mounted where the API is."""

from typing import Any

from django.urls import path

from dead_letters import batches, review
from dead_letters.api import ACT_SUMMARIES, DeadLetterAct, DeadLetterDetail, DeadLetterList
from dead_letters.batch_api import BatchDetail, BatchItems, BatchList, BatchPreview, BatchRate, BatchSay
from dead_letters.cause_api import CauseDetail, CauseList, CauseNote, CauseSay, IgnoreBody
from dead_letters.models import CauseState

_LETTER, _CAUSE, _BATCH = "dead-letters/<uuid:pk>/", "causes/<uuid:pk>/", "replay-batches/<uuid:pk>/"
_SAYS: dict[str, tuple[CauseState, dict[str, Any]]] = {
    "acknowledge": (CauseState.ACKNOWLEDGED, {"summary": "Somebody works on it"}),
    "resolve": (CauseState.RESOLVED, {"summary": "It was put right; the next death of it opens it again"}),
    "ignore": (CauseState.IGNORED, {"summary": "It is ignored for a while", "body_class": IgnoreBody}),
    "reopen": (CauseState.OPEN, {"summary": "It is open again"}),
}
_BACK = dict.fromkeys(review.BACK_TO_WORK, 202)

urlpatterns = [
    path("dead-letters/", DeadLetterList.as_view(), name="dead-letter-list"),
    path(_LETTER, DeadLetterDetail.as_view(), name="dead-letter-detail"),
    *(
        path(
            f"{_LETTER}{act}/",
            DeadLetterAct.as_view(act=act, done=_BACK.get(act, 200), summary=summary),
            name=f"dead-letter-{act}",
        )
        for act, summary in ACT_SUMMARIES.items()
    ),
    path("causes/", CauseList.as_view(), name="cause-list"),
    path(_CAUSE, CauseDetail.as_view(), name="cause-detail"),
    *(
        path(f"{_CAUSE}{verb}/", CauseSay.as_view(state=state, **more), name=f"cause-{verb}")
        for verb, (state, more) in _SAYS.items()
    ),
    path(f"{_CAUSE}note/", CauseNote.as_view(), name="cause-note"),
    path("replay-batches/", BatchList.as_view(), name="replay-batch-list"),
    path("replay-batches/preview/", BatchPreview.as_view(), name="replay-batch-preview"),
    path(_BATCH, BatchDetail.as_view(), name="replay-batch-detail"),
    path("replay-batches/<uuid:batch_id>/items/", BatchItems.as_view(), name="replay-batch-items"),
    *(
        path(
            f"{_BATCH}{verb}/",
            BatchSay.as_view(state=state, summary=f"{verb.capitalize()} a replay of many"),
            name=f"replay-batch-{verb}",
        )
        for verb, state in batches.SAYS.items()
    ),
    path(f"{_BATCH}rate/", BatchRate.as_view(), name="replay-batch-rate"),
]
