"""The API's paths of dead letters, to be mounted where the API is."""

from django.urls import path

from dead_letters import review
from dead_letters.api import DeadLetterAct, DeadLetterDetail, DeadLetterList

urlpatterns = [
    path("dead-letters/", DeadLetterList.as_view(), name="dead-letter-list"),
    path("dead-letters/<uuid:pk>/", DeadLetterDetail.as_view(), name="dead-letter-detail"),
    *(
        path(f"dead-letters/<uuid:pk>/{act}/", DeadLetterAct.as_view(act=act), name=f"dead-letter-{act}")
        for act in review.ACTS
    ),
]
