"""How the hot tables lie on disk, and that no fence falls."""

from django.db import migrations

# An event's row is rewritten two or three times within seconds: room on its page keeps those rewrites
# there, and a vacuum that waited for a fifth of a large table would come too late.
# A fence that fell would make a lost claim valid again; whoever writes it, by hand too, is refused.
SQL = """
ALTER TABLE instagram_webhooks_webhookevent SET (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE instagram_webhooks_outgoingreply SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE FUNCTION instagram_webhooks_fence_fell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the fence of event % would fall from % to %', OLD.event_id, OLD.fence, NEW.fence
    USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER fence_never_falls BEFORE UPDATE OF fence ON instagram_webhooks_webhookevent
  FOR EACH ROW WHEN (NEW.fence < OLD.fence) EXECUTE FUNCTION instagram_webhooks_fence_fell();
"""
UNDO = """
DROP TRIGGER fence_never_falls ON instagram_webhooks_webhookevent;
DROP FUNCTION instagram_webhooks_fence_fell();
ALTER TABLE instagram_webhooks_webhookevent RESET (
  fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE instagram_webhooks_outgoingreply RESET (fillfactor, autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = (("instagram_webhooks", "0001_initial"),)
    operations = (migrations.RunSQL(SQL, UNDO),)
