/** An audit over two sessions finds what it finds over one. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ConnectionLostError, type Database } from '../../lambda/postgres/database';
import { audit } from '../../lib/audit/audit';
import { takeSnapshot } from '../../lib/audit/snapshot';
import { loadParser } from '../../lib/compiler/read/parser';
import { trueup } from '../cli/trueup';
import { connect, createDatabase, majors } from '../support/database';
import { attempts, disturbed, readOnly } from './support';

const TABLES = 210;
const each = (sql: string): string =>
  `DO $$ BEGIN FOR i IN 1..${TABLES} LOOP EXECUTE format('${sql.replaceAll("'", "''")}', i); END LOOP; END $$;`;
const SCHEMA = each(
  `CREATE TABLE t%1$s (id serial PRIMARY KEY, code text UNIQUE); INSERT INTO t%1$s (code) SELECT g FROM generate_series(1, 3) g`,
);
/** Rows of some, sequences of others, keys of others again. */
const LOST = `DELETE FROM t7; DELETE FROM t90 WHERE id = 1; SELECT setval('t8_id_seq', 1), setval('t200_id_seq', 1, false);
  ALTER TABLE t9 DROP CONSTRAINT t9_code_key; INSERT INTO t9 (code) VALUES (1), (2);`;

beforeAll(() => loadParser());

describe.each(majors())('PostgreSQL %i', (major) => {
  const moved = async (): Promise<{ source: string; target: string }> => {
    const [source, target] = await Promise.all([createDatabase(major), createDatabase(major)]);
    await (await connect(source)).query(SCHEMA);
    await (await connect(target)).query(`${SCHEMA}; ${LOST}`);
    return { source, target };
  };

  test('the same findings in the same order, and both sessions were asked', async () => {
    const { source: from, target } = await moved();
    const source = await takeSnapshot(await readOnly(from), { version: '0', count: true });
    const alone = await audit(await readOnly(target), { version: '0', source });
    const first = disturbed(await readOnly(target), 'never', async () => {});
    const second = disturbed(await readOnly(target), 'never', async () => {});
    const { findings, notChecked } = await audit(first.db, { version: '0', source, beside: second.db });
    expect(findings).toEqual(alone.findings);
    expect(notChecked).toEqual(alone.notChecked);
    expect(findings.map(({ id, object }) => `${id} ${object}`)).toEqual(
      expect.arrayContaining([
        'missing-rows public.t7',
        'missing-rows public.t90',
        'sequence-behind public.t8.id',
        'sequence-behind public.t200.id',
        'duplicate-keys public.t9',
      ]),
    );
    const counts = [first, second].map(({ sent }) =>
      attempts(sent, 'SELECT count(*)::text AS count FROM ONLY'),
    );
    expect(Math.min(...counts)).toBeGreaterThan(0);
    // Nothing is asked twice.
    expect(counts[0]! + counts[1]!).toBe(Math.ceil(TABLES / 50));
    expect(attempts(second.sent, 'AS taken')).toBeGreaterThan(0);
    expect(attempts(first.sent, 'AS taken')).toBe(0);
  });

  test('a second session that is lost ends the audit with what the server said', async () => {
    const { target } = await moved();
    const killer = await connect(target);
    const second: Database = await readOnly(target);
    const [me] = await second.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const { db: beside } = disturbed(second, 'AS taken', () =>
      killer.query('SELECT pg_terminate_backend($1)', [me!.pid]),
    );
    await expect(audit(await readOnly(target), { version: '0', beside })).rejects.toThrow(
      ConnectionLostError,
    );
  });

  test('a role that may have one session only is enough', async () => {
    const { source, target } = await moved();
    const role = `single_${major}_${process.pid}`;
    await (await connect(target)).query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
       GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
    );
    const url = new URL(target);
    [url.username, url.password] = [role, 'x'];
    const { code, stdout } = await trueup(['audit', '--database-url', url.href, '--from', source, '--json']);
    expect(code).toBe(6);
    expect(JSON.parse(stdout).findings.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(['sequence-behind', 'missing-unique-index']),
    );
  });
});
