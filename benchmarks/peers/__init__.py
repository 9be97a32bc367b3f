"""Other programs that do the same job, to hold ours against: Express, Fastify, and Django as tutorials build it."""
