"""How the admin's pages are made in every package: lists that stay quick on large tables, and how things look."""
