/**
 * A runner that kills itself (SIGKILL) around its n-th call to the database: before it is sent, a moment after, or when
 * it has been answered. Arguments: URL, manifest file, `before|during|after`, n, and a tenant's schema. Exits with 0 when it got through.
 */
import { readFileSync } from 'node:fs';
import type { Manifest } from '../../lambda/contract/manifest';
import { converge } from '../../lambda/engine';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';

const [url, file, when, nth, schema] = process.argv.slice(2) as [string, string, string, string, string?];
const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
const die = (): void => void process.kill(process.pid, 'SIGKILL');
let calls = 0;

const doomed = (db: Database): Database =>
  new Proxy(db, {
    get(target, name: keyof Database) {
      const value = target[name];
      if (typeof value !== 'function' || name === 'close') return value;
      return async (...args: unknown[]) => {
        const mine = ++calls === Number(nth);
        if (mine && when === 'before') die();
        if (mine && when === 'during') setTimeout(die, 3);
        try {
          return await (value as (...a: unknown[]) => Promise<unknown>).apply(target, args);
        } finally {
          if (mine && when === 'after') die();
        }
      };
    },
  });

converge(
  { connect: async () => doomed(await connectPg({ url })), manifest, deadline: Date.now() + 30_000 },
  {
    id: `doomed-${process.pid}`,
    namespace: 'app',
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
    ...(schema ? { schemas: [schema] } : {}),
  },
).then((outcome) => {
  process.stdout.write(JSON.stringify(outcome));
  process.exit(outcome.status === 'done' ? 0 : 1);
});
