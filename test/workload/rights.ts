/** Who may what: what is said of a role's privileges and of row security must be what running the statement as that role does. */
import type { Client } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { asSuperuser, connect, createDatabase } from '../support/database';
import { ask, install } from './functions';

const COMMANDS = [
  'SELECT a FROM t WHERE a > $1',
  'SELECT a FROM t WHERE a > $1 FOR UPDATE',
  'INSERT INTO t (a) VALUES ($1)',
  'INSERT INTO t (a) VALUES ($1) RETURNING a',
  'INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = 1',
  'UPDATE t SET b = $1',
  'UPDATE t SET b = $1 WHERE a = 7',
  'DELETE FROM t',
  'DELETE FROM t WHERE a > $1',
] as const;

const PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;

/** Rows that the statement reached, or the SQLSTATE. There is one row, of 7, and ON CONFLICT meets it. */
async function run(client: Client, role: string, text: string): Promise<number | string> {
  await client.query(`BEGIN; SET LOCAL ROLE ${role}`);
  try {
    return (
      (await client.query(text, text.includes('$1') ? [text.includes('CONFLICT') ? 7 : 2] : [])).rowCount ?? 0
    );
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.query('ROLLBACK');
  }
}

export function rights(major: number): void {
  let client: Client;
  const [role, group, owner] = ['sender', 'group', 'owner'].map((name) => `${name}_${major}_${process.pid}`);
  beforeAll(async () => {
    for (const name of [role, group, owner])
      await asSuperuser(major, `DROP ROLE IF EXISTS ${name}; CREATE ROLE ${name}`);
    client = await connect(await createDatabase(major));
    await install(client);
    return async () => {
      await client.query('DROP SCHEMA public CASCADE');
      for (const name of [role, group, owner]) await client.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
    };
  });

  const fresh = async (made: string): Promise<void> => {
    await client.query(`DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public; REVOKE ${group} FROM ${role};
      ALTER ROLE ${role} NOBYPASSRLS; GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT CREATE ON SCHEMA public TO ${owner};
      CREATE TABLE t (a int PRIMARY KEY, b int); INSERT INTO t VALUES (7, 7); ${made}`);
  };

  test('every set of privileges, by the role itself or by a group: enough is enough, and what is missing is missed', async () => {
    const wrong: string[] = [];
    for (let set = 0; set < 2 ** PRIVILEGES.length; set++) {
      const granted = PRIVILEGES.filter((_, i) => set & (1 << i));
      const to = set % 2 ? group : role;
      await fresh(
        `GRANT ${group} TO ${role};${granted.length ? `GRANT ${granted.join(', ')} ON t TO ${to}` : ''}`,
      );
      const answers = await ask(
        client,
        COMMANDS.map((text) => ({ text, role })),
      );
      for (const [i, text] of COMMANDS.entries()) {
        const lacks = answers[i]!.privileges!.lacks ?? [];
        const ran = await run(client, role!, text);
        if (lacks.length > 0 !== (ran === '42501'))
          wrong.push(`${granted.join()} · ${text}: lacks ${lacks.join()}, ran ${ran}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  const ON = 'ALTER TABLE t ENABLE ROW LEVEL SECURITY';
  const GRANTED = `GRANT ALL ON t TO ${role}`;
  const tables: Readonly<Record<string, string>> = {
    off: '',
    'no policy': ON,
    'its owner': `${ON}; ALTER TABLE t OWNER TO ${role}`,
    'its owner by a group': `GRANT ${group} TO ${role}; GRANT CREATE ON SCHEMA public TO ${group}; ${ON}; ALTER TABLE t OWNER TO ${group}`,
    forced: `${ON}; ALTER TABLE t OWNER TO ${role}; ALTER TABLE t FORCE ROW LEVEL SECURITY`,
    BYPASSRLS: `${ON}; ALTER ROLE ${role} BYPASSRLS`,
    'a policy for all': `${ON}; CREATE POLICY p ON t USING (true)`,
    'a policy for reading': `${ON}; CREATE POLICY p ON t FOR SELECT USING (true)`,
    'a policy for reading and writing': `${ON}; CREATE POLICY p ON t FOR SELECT USING (true); CREATE POLICY q ON t FOR INSERT WITH CHECK (true)`,
    'a policy for its group': `GRANT ${group} TO ${role}; ${ON}; CREATE POLICY p ON t TO ${group} USING (true)`,
    'a policy for somebody else': `${ON}; CREATE POLICY p ON t TO ${owner} USING (true)`,
    'a restrictive policy alone': `${ON}; CREATE POLICY p ON t AS RESTRICTIVE USING (true)`,
    'a view of who bypasses it': `${ON}; ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT a, b FROM base`,
    'a view of who does not': `${ON}; GRANT ALL ON t TO ${owner}; ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT a, b FROM base; ALTER VIEW t OWNER TO ${owner}`,
    'a view of who has no privileges': `ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT a, b FROM base; ALTER VIEW t OWNER TO ${owner}`,
    ...(major >= 15
      ? {
          'a view of whoever asks': `${ON}; GRANT ALL ON t TO ${role}; ALTER TABLE t RENAME TO base; CREATE VIEW t WITH (security_invoker = true) AS SELECT a, b FROM base`,
        }
      : {}),
  };

  test('row security, policies and views', async () => {
    const wrong: string[] = [];
    for (const [what, made] of Object.entries(tables)) {
      await fresh(`${made}; ${GRANTED}`);
      const answers = await ask(
        client,
        COMMANDS.map((text) => ({ text, role })),
      );
      for (const [i, text] of COMMANDS.entries()) {
        const { privileges, rowSecurity = {}, outcome } = answers[i]!;
        const seen = privileges?.lacks
          ? 'lacks'
          : Object.values(rowSecurity).includes('denied')
            ? 'denied'
            : 'passes';
        const ran = await run(client, role!, text);
        // Denied: an INSERT fails, everything else reaches no row.
        const did = ran === '42501' || ran === 0 ? 'denied' : 'passes';
        if (outcome === 'plans' && (seen === 'lacks' ? 'denied' : seen) !== did)
          wrong.push(`${what} · ${text}: ${seen}, ran ${ran}`);
      }
    }
    expect(wrong).toEqual([]);
  });
}
