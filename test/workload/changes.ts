/**
 * Realistic changes of a schema: is the statement of the running application worse off after it, and what does running it
 * do? It is asked inside the transaction of the change, and again after its commit.
 */
import type { Client } from 'pg';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { PlanAnswer } from '../../lambda/workload/verdict';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { connect, urlOf } from '../support/database';
import { CHANGES } from './change-list';
import { type Change, ROLE } from './change-list/change';
import { ask, install, type Statement, type Worse, worse } from './functions';

/** What is said of the change, in a word or two. */
const said = (found: Worse | null, after: PlanAnswer): string => {
  if (found === null) return after.outcome === 'undecided' ? `undecided: ${after.why}` : 'nothing';
  const what = found.state && found.by === 'plan' ? `${found.why} ${found.state}` : found.why;
  return `${found.refuses ? 'refuses' : 'warns'} by ${found.by}: ${found.reason ?? what}`;
};

/** SQLSTATE of really running it, undone; otherwise whether rows came. Named: as a driver that has prepared it before. */
async function run(
  client: Client,
  { text, values, connects }: Change,
  role: string,
  name?: string,
): Promise<string> {
  await client.query(`BEGIN${connects ? '' : `; SET LOCAL ROLE ${role}`}`);
  try {
    const { rows } = await client.query({ text, values: [...values], ...(name ? { name } : {}) });
    return rows.length > 0 ? 'rows' : 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Before PostgreSQL 16 what a statement returns is not known; only which columns it names. */
const WITHOUT_RESULTS: Readonly<Record<string, string>> = {
  'warns by type: row': 'nothing',
  'refuses by type: result': 'warns by type: column',
};

export function changes(major: number): void {
  let client: Client;
  let url: string;
  const role = 'app';
  beforeAll(async () => {
    // Some changes set something for the role in all databases, which an audit beside them would see.
    const server = await startPostgres({ major });
    url = server.url();
    client = await connect(url);
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'app'`);
    await install(client);
    return () => server.stop();
  });

  test.each(
    CHANGES.filter(({ since = 0 }) => since <= major).map(
      (each, i) => [each.what, each, `change_${i}`] as const,
    ),
  )('%s', async (_, each, name) => {
    onTestFinished(async () => {
      await client.query('ROLLBACK');
      const here = new URL(url).pathname.slice(1);
      await client.query(`DEALLOCATE ALL; DROP SCHEMA IF EXISTS shop CASCADE; DROP PUBLICATION IF EXISTS published; ALTER ROLE ${role} RESET ALL;
        ALTER DATABASE ${here} RESET ALL; ALTER ROLE ${role} IN DATABASE ${here} RESET ALL`);
    });
    const named = (sql: string): string =>
      sql.replaceAll(ROLE, role).replaceAll('the_database', new URL(url).pathname.slice(1));
    await client.query('DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public');
    await client.query(
      named(
        `${each.before}; GRANT USAGE ON SCHEMA public TO ${ROLE}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${ROLE}`,
      ),
    );
    const session = () =>
      each.connects ? connect(urlOf(url, { user: role, password: 'app' })) : Promise.resolve(client);
    const question: Exclude<Statement, string>[] = [
      { text: each.text, role, ...(each.connects ? { path: null } : {}) },
    ];
    const again = async (before: PlanAnswer): Promise<PlanAnswer> => {
      question[0] = { ...question[0]!, setting: before.setting! };
      const [plain] = await ask(client, question);
      if (plain!.outcome !== 'undecided') return plain!;
      const [typed] = await ask(client, [{ ...question[0]!, types: before.parameters }]);
      return { ...plain!, typed } as PlanAnswer;
    };
    const [before] = await ask(client, question);
    expect(before).toMatchObject({ outcome: 'plans' });
    const old = await session();
    expect(await run(old, each, role, name)).toMatch(/^(ok|rows)$/);

    await client.query(`BEGIN; ${named(each.after)}`);
    const within = await again(before!);
    await client.query('COMMIT');
    const after = await again(before!);
    const verdict = said(await worse(client, before!, after), after);
    expect(said(await worse(client, before!, within), within)).toBe(each.within ?? verdict);

    // PostgreSQL 13 has another SQLSTATE for it.
    const as = (code: string): string => (major === 13 ? code.replace('428C9', '42601') : code);
    const due = major < 16 ? (WITHOUT_RESULTS[each.verdict] ?? as(each.verdict)) : each.verdict;
    const prepared = await run(each.connects ? await session() : old, each, role, name);
    expect([verdict, await run(await session(), each, role), prepared]).toEqual([
      due,
      as(each.runs),
      as(each.prepared ?? each.runs),
    ]);
  });
}
