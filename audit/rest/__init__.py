"""How the REST API is made in every package: lists, acts, rights, and what is answered where nothing is done."""
