// E: Express, a statement and a job an event. F (SERVER=fastify): Fastify, and a POST of several events makes one
// INSERT and one addBulk. Answered when all its events are stored and queued.
const crypto = require('crypto');
const { Pool } = require('pg');
const { Queue } = require('bullmq');
const { Redis } = require('ioredis');

const { APP_SECRET, DATABASE_URL, PORT, REDIS_URL, SERVER } = process.env;
const pool = new Pool({ connectionString: DATABASE_URL, max: 10 });
const queue = new Queue('events', { connection: new Redis(REDIS_URL, { maxRetriesPerRequest: null }) });
const opts = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: 1000,
  removeOnFail: 5000,
};

const INSERT_ONE =
  'INSERT INTO webhook_idempotency (event_id, payload) VALUES ($1, $2) ON CONFLICT (event_id) DO NOTHING';
const INSERT_MANY =
  'INSERT INTO webhook_idempotency (event_id, payload) SELECT * FROM unnest($1::text[], $2::jsonb[]) ' +
  'ON CONFLICT DO NOTHING RETURNING event_id';

function isSigned(raw, header) {
  if (!header) return false;
  const expected = Buffer.from('sha256=' + crypto.createHmac('sha256', APP_SECRET).update(raw).digest('hex'));
  const given = Buffer.from(header);
  return expected.length === given.length && crypto.timingSafeEqual(expected, given);
}

function eventsOf(body) {
  const items = (body.entry || []).flatMap((entry) => entry.messaging || []);
  return items
    .filter((item) => item.message && item.message.mid)
    .map(({ message, recipient, sender }) => ({
      id: message.mid, account: recipient.id, participant: sender.id, text: message.text,
    }));
}

async function takeEach(events) {
  for (const event of events) {
    const stored = await pool.query(INSERT_ONE, [event.id, JSON.stringify(event)]);
    if (stored.rowCount) await queue.add('event', event, opts);
  }
}

async function takeTogether(events) {
  const values = [events.map((event) => event.id), events.map((event) => JSON.stringify(event))];
  const stored = await pool.query({ name: 'many', text: INSERT_MANY, values });
  const fresh = new Set(stored.rows.map((row) => row.event_id));
  const jobs = events.filter((event) => fresh.has(event.id)).map((data) => ({ name: 'event', data, opts }));
  if (jobs.length) await queue.addBulk(jobs);
}

async function statusFor(raw, header) {
  if (!isSigned(raw, header)) return 401;
  const events = eventsOf(JSON.parse(raw.toString()));
  await (SERVER === 'fastify' && events.length > 1 ? takeTogether(events) : takeEach(events));
  return 200;
}

function fastify() {
  const app = require('fastify')({ bodyLimit: 5e6 });
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, raw, done) => done(null, raw));
  app.get('/hello', async () => 'hello');
  app.post('/webhooks/instagram', async (request, reply) => {
    reply.code(await statusFor(request.body, request.headers['x-hub-signature-256']));
    return { ok: true };
  });
  app.listen({ port: +PORT, host: '127.0.0.1' });
}

function express() {
  const library = require('express');
  const app = library();
  app.get('/hello', (_request, response) => response.send('hello'));
  const raw = library.raw({ type: 'application/json', limit: '5mb' });
  app.post('/webhooks/instagram', raw, async (request, response) => {
    try {
      response.status(await statusFor(request.body, request.get('x-hub-signature-256'))).json({ ok: true });
    } catch (error) {
      console.error(error);
      response.status(500).json({ ok: false });
    }
  });
  app.listen(+PORT, '127.0.0.1');
}

(SERVER === 'fastify' ? fastify : express)();
