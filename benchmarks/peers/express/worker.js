// The worker of E and F: SLOTS jobs of BullMQ at once, each statement a commit of its own.
const { Pool } = require('pg');
const { Worker } = require('bullmq');
const { Redis } = require('ioredis');

const { DATABASE_URL, GRAPH_URL, REDIS_URL, SLOTS } = process.env;
const pool = new Pool({ connectionString: DATABASE_URL, max: Math.min(+SLOTS, 20) });

const CONVERSATION =
  'INSERT INTO conversation (account_id, participant_id) VALUES ($1, $2) ' +
  'ON CONFLICT (account_id, participant_id) DO UPDATE SET last_message_at = now() RETURNING id';
const MESSAGE =
  'INSERT INTO message (conversation_id, mid, direction, body) VALUES ($1, $2, $3, $4) ON CONFLICT (mid) DO NOTHING';
const PROCESSED = "UPDATE webhook_idempotency SET status = 'processed', processed_at = now() WHERE event_id = $1";
const AUDIT = 'INSERT INTO audit_log (action, event_id, detail) VALUES ($1, $2, $3)';

async function reply(event) {
  const answer = await fetch(GRAPH_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      recipient: { id: event.participant }, message: { text: 'Thanks! ' + event.text }, ref: event.id,
    }),
  });
  if (!answer.ok) throw new Error('graph ' + answer.status);
  return (await answer.json()).message_id;
}

async function work({ data: event }) {
  const { rows } = await pool.query(CONVERSATION, [event.account, event.participant]);
  await pool.query(MESSAGE, [rows[0].id, event.id, 'in', event.text]);
  const sent = await reply(event);
  await pool.query(PROCESSED, [event.id]);
  await pool.query(AUDIT, ['reply_sent', event.id, JSON.stringify({ reply_id: sent })]);
}

new Worker('events', work, {
  connection: new Redis(REDIS_URL, { maxRetriesPerRequest: null }),
  concurrency: +SLOTS,
});
