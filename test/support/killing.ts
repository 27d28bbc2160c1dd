import { expect } from 'vitest';
import { quoteIdentifier } from '../../lambda/sql/quote';
import { busyManifest } from './busy-manifest';
import { withClient } from './client';
import { createDatabase } from './database';
import { dumpCatalog } from './dump-catalog';
import { run, up } from './engine';
import { bundled, runScript, writeJson } from './processes';

interface Facts {
  readonly catalog: unknown;
  readonly state: unknown;
}

const facts = (url: string): Promise<Facts> =>
  withClient(url, async (client) => {
    const rows = await client.query(
      'SELECT name, state, statements_done AS statement, running_statement AS running, verified FROM trueup.migrations ORDER BY name',
    );
    const events = await client.query(
      "SELECT migration, count(*)::int AS times FROM trueup.events WHERE event IN ('applied', 'verified') GROUP BY 1 ORDER BY 1",
    );
    return { catalog: await dumpCatalog(client), state: [rows.rows, events.rows] };
  });

/**
 * Kills a runner around each of its calls to the database, one after the other. Whatever its end, the next run brings
 * the database to the same schema, with nothing done twice.
 * @param schema of a tenant. @default - the login's search_path
 */
export async function killAtEachCall(
  when: 'before' | 'during' | 'after',
  major: number,
  schema?: string,
): Promise<void> {
  const change = schema === undefined ? {} : { schemas: [schema] };
  const database = async (): Promise<string> => {
    const url = await createDatabase(major);
    if (schema !== undefined) {
      await withClient(url, (client) => client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`));
    }
    return url;
  };
  const script = bundled('doomed-runner');
  const manifest = writeJson(busyManifest);
  const untouched = await database();
  await up(untouched, busyManifest, change);
  const reference = await facts(untouched);
  let killed = 0;
  for (let nth = 1; ; nth++) {
    const url = await database();
    const ended = await runScript(script, [url, manifest, when, String(nth), ...(schema ? [schema] : [])]);
    if (ended.signal !== 'SIGKILL') {
      expect(ended.code).toBe(0);
      break;
    }
    killed++;
    const { outcome } = await run(url, busyManifest, change);
    expect(outcome, `call ${nth}`).toMatchObject({ status: 'done' });
    expect(await facts(url), `call ${nth}`).toEqual(reference);
  }
  expect(killed).toBeGreaterThan(12);
}
