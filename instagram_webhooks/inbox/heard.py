"""When each account last sent something; looked up once a minute, since no index of the inbox knows accounts."""

from django.db import connection

# From what was counted last on (minutes.py counts right after this), so that nothing is missed while nobody looked,
# and some minutes more, because what was being committed then was not seen. At first no further back than a day.
_HEARD = """
UPDATE instagram_webhooks_account a SET last_event_at = heard.at
  FROM (SELECT e.provider, e.account, max(e.received_at) AS at
          FROM instagram_webhooks_webhookevent e
         WHERE e.received_at > greatest(statement_timestamp() - interval '1 day',
                                        (SELECT max(minute) - interval '5 minutes' FROM instagram_webhooks_minute))
         GROUP BY e.provider, e.account) heard
 WHERE a.provider = heard.provider AND a.account_id = heard.account
   AND (a.last_event_at IS NULL OR a.last_event_at < heard.at)
"""


def note() -> int:
    """Notes at each account when its newest event came; at how many that is news."""
    with connection.cursor() as cursor:
        cursor.execute(_HEARD)
        return int(cursor.rowcount)
