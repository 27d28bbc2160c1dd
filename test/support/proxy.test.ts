import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { serverUrl } from './database';
import { type ProxyOptions, startProxy, type TcpProxy } from './proxy';

const opened: TcpProxy[] = [];
const clients: Client[] = [];

async function through(options: Omit<ProxyOptions, 'target'> = {}) {
  const { hostname, port } = new URL(serverUrl());
  const proxy = await startProxy({ target: { host: hostname, port: Number(port) }, ...options });
  opened.push(proxy);
  const client = new Client({ connectionString: proxy.url(serverUrl()) });
  client.on('error', () => {});
  clients.push(client);
  await client.connect();
  return { proxy, client };
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
  await Promise.all(opened.splice(0).map((proxy) => proxy.close()));
});

describe('proxy', () => {
  it('counts answers, not start-up, however many statements a message has', async () => {
    const { proxy, client } = await through();
    expect(proxy.roundTrips()).toBe(0);
    await client.query('SELECT 1; SELECT 2; SELECT 3');
    expect(proxy.roundTrips()).toBe(1);
    await client.query('SELECT $1::text', ['Z'.repeat(200_000)]);
    expect(proxy.roundTrips()).toBe(2);
    await expect(client.query('SELECT 1/0')).rejects.toThrow('division by zero');
    // The error may come alone, before the end of the answer.
    await expect.poll(() => proxy.roundTrips()).toBe(3);
  });

  it('adds its time to a round trip, and only that', async () => {
    const { client } = await through({ delayMs: 500 });
    // Its time is what it is for. The answer comes in dozens of pieces, none of which adds to it.
    const start = performance.now();
    await client.query(`SELECT repeat('x', 2000000)`);
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(499);
    expect(took).toBeLessThan(5_000);
  });

  it('cuts connections, between the work and its answer if told so', async () => {
    const { proxy, client } = await through({ onRoundTrip: (n) => n === 2 && opened[0]!.cut() });
    await client.query('SELECT 1');
    await expect(client.query('SELECT 2')).rejects.toThrow('Connection terminated');
    expect(proxy.roundTrips()).toBe(2);
  });

  it('hangs and goes on', async () => {
    const { proxy, client } = await through();
    proxy.pause();
    let answered = false;
    const answer = client.query('SELECT 1').then(() => {
      answered = true;
    });
    await new Promise((done) => setTimeout(done, 60));
    expect(answered).toBe(false);
    proxy.resume();
    await answer;
  });
});
