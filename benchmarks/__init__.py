"""What an event costs: CPU of each process, on this machine, with everything on as it is shipped."""
