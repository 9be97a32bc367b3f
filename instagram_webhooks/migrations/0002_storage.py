"""How the hot tables lie on disk."""

from django.db import migrations

# An event's row is rewritten two or three times within seconds: room on its page keeps those rewrites
# there, and a vacuum that waited for a fifth of a large table would come too late.
SQL = """
ALTER TABLE instagram_webhooks_webhookevent SET (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE instagram_webhooks_outgoingreply SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
"""
UNDO = """
ALTER TABLE instagram_webhooks_webhookevent RESET (
  fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE instagram_webhooks_outgoingreply RESET (fillfactor, autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0001_initial"),)
    operations = (migrations.RunSQL(SQL, UNDO),)
