"""The roof over all packages."""
