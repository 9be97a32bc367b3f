"""
An exhaustive search over the table of legal moves: every order in which two workers, a crash, a stop,
a lost answer and a person can meet on one conversation.

    world    what is known of events and workers, as bytes: facts instead of times
    rules    the table that the product imports, and how large the searched world is
    moving   a Move's fields, read as inbox/statements.py reads them, and what must never come of one
    worker   the steps of a worker on its claim
    around   what happens to it: time, the sweep, people, crashes
    search   breadth first: the shortest way to what must not be, and whether every state leads to an end
    flaws    broken tables and rules, each of which the search must find
"""
