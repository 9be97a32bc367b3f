"""What is loaded once is not looked through by every full collection."""

import gc

from webhooks_project import urls


def test_the_pages_that_are_loaded_are_left_out_of_later_collections():
    assert urls.urlpatterns
    assert gc.get_freeze_count() > 50_000
