"""A cursor is what a list gave: of one that is made up the description can only say that it is text."""

import schemathesis


@schemathesis.hook
def map_query(_context, query):
    return {name: value for name, value in query.items() if name != "cursor"} if query else query
