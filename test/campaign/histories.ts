/**
 * `npm run campaign:histories -- <folder> [--major 13] [--prelude file.sql] [--most 300]`: replays a public history of migrations (files of
 * plain SQL, in order) with a workload that plans on its final schema, each migration guarded as in a deployment of its own. What
 * the guard refuses is looked at with other means; where the server takes the statement after all, the refusal was false. A type
 * that the server converts, and not without being asked, is none: values may change.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, type DatabaseError } from 'pg';
import { makeGuaranteedWorkload } from '../../lambda/contract/manifest';
import { buildMarkDeployedSql } from '../../lambda/engine/guard/guard-sql';
import { buildInstallSql } from '../../lambda/engine/ledger/schema';
import { connectPg } from '../../lambda/postgres/pg';
import { planStatements } from '../../lambda/workload/plan-statements';
import { loadParser, parseSql } from '../../lib/compiler/read/parser';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { workloadOf } from './generated-workload';

interface File {
  readonly name: string;
  readonly sql: string;
}

interface Refusal {
  readonly n: number;
  readonly by: string;
  readonly state?: string;
  readonly why: string;
  /** Of a parameter whose type has changed. */
  readonly number?: number;
  readonly was?: string;
  readonly is?: string;
}

const PROMISE_BEFORE =
  "SELECT trueup._plan_before(jsonb_build_object('namespace', 'app', 'deployment', $1::text, 'budgetMs', 120000))";
const GUARD =
  "SELECT trueup._guard(jsonb_build_object('namespace', 'app', 'deployment', $1::text, 'migration', $1::text, 'consent', $2::boolean, 'nonTransactional', $3::boolean))";

async function main(
  folder: string,
  major: number | undefined,
  prelude: string,
  most: number,
): Promise<number> {
  await loadParser();
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(folder, name), 'utf8') }));
  const server = await startPostgres({ major });
  const open = async (database: string): Promise<Client> => {
    const admin = new Client({ connectionString: server.url() });
    await admin.connect();
    await admin.query(`CREATE DATABASE ${database}`);
    await admin.end();
    const client = new Client({ connectionString: server.url(database) });
    client.on('error', () => {});
    await client.connect();
    await client.query(prelude);
    return client;
  };
  try {
    const first = await open('first');
    const runnable: File[] = [];
    for (const file of files) {
      const error = await apply(first, file);
      if (error === null) runnable.push(file);
      else console.log(`left out: ${file.name}: ${error.message.split('\n')[0]}`);
    }
    const texts = some(await workloadOf(first), most);
    const db = await connectPg({ url: server.url('first'), readOnly: true });
    const asked = texts.map((text) => ({ text, role: null, searchPath: null, calls: null }));
    const verdicts = await planStatements(db, asked, { budgetMs: 300_000 });
    await db.close();
    await first.end();
    const promised = asked.filter((_, i) => verdicts[i]!.outcome === 'plans');
    console.log(
      `${runnable.length} of ${files.length} migrations; ${promised.length} of ${texts.length} statements plan at the end`,
    );

    const second = await open('second');
    for (const each of buildInstallSql(null)) await second.query(each);
    await second.query("INSERT INTO trueup.namespaces (name) VALUES ('app')");
    for (const each of ['BEGIN', ...buildMarkDeployedSql('app', makeGuaranteedWorkload(promised)), 'COMMIT'])
      await second.query(each);
    let guarded = 0;
    let refused = 0;
    let wrong = 0;
    for (const file of runnable) {
      const { asked: count, refusals } = await replay(second, file);
      guarded += count;
      if (refusals.length === 0) continue;
      refused++;
      for (const refusal of refusals) {
        const text = promised[refusal.n - 1]!.text;
        const why = (await converts(second, refusal)) ? null : await takenAfterAll(second, text, refusal);
        if (why !== null) wrong++;
        console.log(
          `${why === null ? 'refused' : `FALSE (${why})`}: ${file.name}: ${refusal.state ?? refusal.by} ${refusal.why}: ${text.slice(0, 140)}`,
        );
      }
      await second.query("SELECT trueup._delete_deployment_plans('app', false)");
    }
    await second.end();
    console.log(
      `PostgreSQL ${server.major}: ${guarded} statements guarded in ${runnable.length} migrations; ${refused} refused, false: ${wrong}`,
    );
    return wrong === 0 ? 0 : 1;
  } finally {
    await server.stop();
  }
}

/** At most so many, from all of its parts. */
const some = <T>(all: readonly T[], most: number): T[] =>
  all.filter(
    (_, i) =>
      Math.floor((i * most) / all.length) !== Math.floor(((i - 1) * most) / all.length) || all.length <= most,
  );

/** As one message, or where that cannot be, one statement after the other. */
async function apply(client: Client, { sql }: File): Promise<Error | null> {
  try {
    await client.query(sql);
    return null;
  } catch (error) {
    await client.query('ROLLBACK');
    if (!ALONE.has((error as DatabaseError).code ?? '')) return error as Error;
  }
  try {
    for (const each of statementsIn(sql)) await client.query(each);
    return null;
  } catch (error) {
    return error as Error;
  } finally {
    await client.query('RESET ALL');
  }
}

/** Not in a transaction; an enum's value that is not committed. */
const ALONE = new Set(['25001', '55P04']);

const statementsIn = (sql: string): string[] =>
  parseSql(sql).statements.map(({ start, end }) => sql.slice(start, end));

/** In a transaction with the guard, as the engine does it; what is refused is done with consent. */
async function replay(client: Client, file: File): Promise<{ asked: number; refusals: readonly Refusal[] }> {
  await client.query(PROMISE_BEFORE, [file.name]);
  const { rows } = await client.query(
    "SELECT count(*)::int AS n FROM trueup.deployment_plans WHERE verdict ->> 'outcome' = 'plans'",
  );
  const asked = rows[0].n as number;
  let refusals: readonly Refusal[] = [];
  for (const consent of [false, true]) {
    try {
      await client.query('BEGIN');
      await client.query(file.sql);
      await client.query('RESET ROLE; RESET search_path');
      await client.query(GUARD, [file.name, consent, false]);
      await client.query('COMMIT');
      break;
    } catch (error) {
      await client.query('ROLLBACK');
      const { code, message } = error as DatabaseError;
      if (code === 'TU005') refusals = (JSON.parse(message) as { broken: Refusal[] }).broken;
      else if (ALONE.has(code ?? '')) {
        const failed = await apply(client, file);
        if (failed) throw failed;
        refusals = await afterwards(client, file);
        break;
      } else throw error;
    }
  }
  if (refusals.length === 0) await client.query("SELECT trueup._delete_deployment_plans('app', false)");
  return { asked, refusals };
}

/** What ran outside a transaction is only noted. */
async function afterwards(client: Client, file: File): Promise<Refusal[]> {
  await client.query(GUARD, [file.name, false, true]);
  const { rows } = await client.query(
    "SELECT detail -> 'broken' AS broken FROM trueup.events WHERE deployment = $1 AND event = 'guarded'",
    [file.name],
  );
  return rows.flatMap(({ broken }) => broken as Refusal[]);
}

/** The old type is only converted where a value is assigned: what does not fit is cut or lost. */
async function converts(client: Client, { was, is }: Refusal): Promise<boolean> {
  if (was === undefined || is === undefined) return false;
  const { rows } = await client.query(
    "SELECT FROM pg_cast WHERE castsource = to_regtype($1) AND casttarget = to_regtype($2) AND castcontext <> 'i'",
    [was, is],
  );
  return rows.length > 0;
}

/** Null where the server refuses the statement too: by PREPARE and EXPLAIN, or with the type that the parameter had. */
async function takenAfterAll(client: Client, text: string, refusal: Refusal): Promise<string | null> {
  const { by, state, why, number = 0, was } = refusal;
  if (
    state === '23502' ||
    by === 'privilege' ||
    by === 'row-security' ||
    (by === 'type' && why !== 'parameter')
  )
    return null;
  const types = was === undefined ? '' : `(${[...Array(number - 1).fill('unknown'), was].join(', ')})`;
  try {
    await client.query(`PREPARE looked_at${types} AS ${text}`);
    const count = (text.match(/\$\d+/g) ?? []).length;
    await client.query('SET plan_cache_mode = force_generic_plan');
    await client.query(
      `EXPLAIN EXECUTE looked_at${count === 0 ? '' : `(${Array.from({ length: count }, () => 'NULL').join(', ')})`}`,
    );
    return 'the server plans it';
  } catch {
    return null;
  } finally {
    await client.query('DEALLOCATE ALL; RESET plan_cache_mode');
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { major: { type: 'string' }, prelude: { type: 'string' }, most: { type: 'string' } },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('Give a folder of migrations.');
const prelude = values.prelude === undefined ? '' : readFileSync(values.prelude, 'utf8');
main(
  folder,
  values.major === undefined ? undefined : Number(values.major),
  prelude,
  Number(values.most ?? Number.POSITIVE_INFINITY),
).then((code) => {
  process.exitCode = code;
});
