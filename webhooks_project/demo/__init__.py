"""
The demo: the whole service on one machine, told as a story whose every line was seen to come true.

    run        from the first start to the last stop
    story      what happens, act by act
    product    what the service itself says of it: API, database, queue
    meta       the stand-in for Meta, as a process: sends webhooks, answers as the Graph API
    processes  web, worker, beat and the stand-in: started, watched, stopped
    guard      refuses a database or a broker that is not the demo's
    seed       tables, login and API token

It imports no settings: it makes them, for the processes that it starts.
"""
