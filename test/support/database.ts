import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import { inject } from 'vitest';
import { withClient } from './client';
import { atEndOfFile } from './end-of-file';

/**
 * Majors that this project's tests repeat on: `fast` has the newest, `oldest` the oldest, `middle` those between, `slow`
 * all. The project `oldest` runs every file of `fast` that calls this or `outerMajors`.
 */
export const majors = (): number[] => [...inject('majors')];
/** The newest major that a shared server has. */
export const newestMajor = (): number => Math.max(...Object.keys(inject('servers')).map(Number));
/** The first and the last of them: for what takes long, and depends little on the major. */
export const outerMajors = (): number[] => [...new Set([majors()[0]!, majors().at(-1)!])];

export const serverUrl = (major = newestMajor()): string => inject('servers')[major]!;

/** The URL of another database or user on the same server. */
export function urlOf(url: string, change: { database?: string; user?: string; password?: string }): string {
  const copy = new URL(url);
  if (change.database) copy.pathname = `/${encodeURIComponent(change.database)}`;
  if (change.user) copy.username = encodeURIComponent(change.user);
  if (change.password) copy.password = encodeURIComponent(change.password);
  return copy.href;
}

/** A connected client, closed at the end of the test file. */
export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  opened.push(client);
  return client;
}

/** Half the work of what 15 and later do by default, which writes each page of the template to the WAL. */
const copying = (major: number): string => (major < 15 ? '' : 'STRATEGY file_copy');

/** A new empty database, dropped at the end of the test file. Returns its URL. */
export async function createDatabase(major = newestMajor(), options = ''): Promise<string> {
  const name = `t_${randomBytes(6).toString('hex')}`;
  await maker(major).query(`CREATE DATABASE ${name} ${copying(major)} ${options}`);
  created.push([major, name]);
  return urlOf(serverUrl(major), { database: name });
}

export async function asSuperuser(major: number, sql: string): Promise<void> {
  await withClient(serverUrl(major), (client) => client.query(sql));
}

const opened: Client[] = [];
const created: [number, string][] = [];
const makers = new Map<number, Pool>();

/** The connection that makes and drops the test file's databases: one more for each of them costs as much as making it. */
function maker(major: number): Pool {
  const known = makers.get(major);
  if (known) return known;
  const pool = new Pool({ connectionString: serverUrl(major), max: 1, idleTimeoutMillis: 0 });
  pool.on('error', () => {});
  makers.set(major, pool);
  return pool;
}

atEndOfFile(async () => {
  await Promise.all(opened.splice(0).map((client) => client.end().catch(() => {})));
  for (const [major, name] of created.splice(0)) {
    await maker(major).query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }
  await Promise.all([...makers.values()].map((pool) => pool.end()));
  makers.clear();
});
