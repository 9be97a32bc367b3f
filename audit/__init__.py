"""The notary: what happened and who did it, and what may be said about it in a log.

Safe to import from settings: nothing here loads a model.
"""

from audit.log import Entry, record, record_many

__all__ = ["Entry", "record", "record_many"]
