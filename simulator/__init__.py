"""
Meta's stand-in for development, tests and measurements: sends signed webhooks, answers as the Graph API.

    the wire      meta_wire (how bytes look and are signed), client (posts them)
    the webhooks  invented (ids and texts from a seed), bodies (shapes), kinds, plan (what is wanted),
                  deliveries (what is sent, in which order)
    the Graph     exchange (a call and its answer), settings, script (answers told beforehand),
                  record (every call), listing (conversations), fields, limits, echoes, world (all it knows),
                  sending, looking, edges (what Meta offers), control (`/_simulator/`), http_server, graph
    the commands  __main__ -> serve (`graph`), send (`send`)

It stands apart: standard library only, imports none of the other packages and is imported by none of them.
It is no place for real customers: its overview and its list of calls show the texts it was sent.
"""
