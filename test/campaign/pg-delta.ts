/**
 * `npm run campaign:pg-delta [-- --major 18]`: each mutation of test/audit/mutations.ts is shown to pg-delta's own comparison as well.
 * What the one says and the other does not is explained in pg-delta/explained.ts, or it is a failure.
 */
import { parseArgs } from 'node:util';
import { Client, Pool } from 'pg';
import { OBJECT_KINDS } from '../../lambda/audit/catalog';
import { formatPath } from '../../lambda/audit/names';
import { connectPg } from '../../lambda/postgres/pg';
import { audit } from '../../lib/audit/audit';
import { type Snapshot, takeSnapshot } from '../../lib/audit/snapshot';
import { loadParser } from '../../lib/compiler/read/parser';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { everyKind } from '../audit/every-kind';
import { ALONE, mutations } from '../audit/mutations';
import { EXPLAINED } from './pg-delta/explained';
import { type Delta, type FactId, INSTALL, type PgDelta, pgDelta } from './pg-delta/installed';

const ROLE = 'oracle';
const TEMPLATE = 'original';

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

/** What belongs to the database itself, and no template holds. */
const perDatabase = (name: string): string => `ALTER DATABASE ${name} SET search_path = shop, public;
  ALTER ROLE ${ROLE} IN DATABASE ${name} SET TimeZone = 'Europe/Berlin'; REVOKE TEMPORARY ON DATABASE ${name} FROM public;`;

/** The relation, or whatever belongs to none: what both can be compared by. */
function ownerOf(id: FactId): string {
  if (id.target) return ownerOf(id.target);
  return formatPath(...[id.schema, id.table ?? id.name].filter((each) => each !== undefined));
}

/** What the source has and the target has not, or has otherwise; what only the target has is nobody's loss. */
const changedBy = (deltas: readonly Delta[]): ReadonlySet<string> =>
  new Set(
    deltas.flatMap(({ verb, fact, id, edge }): string[] => {
      if (verb === 'remove' || verb === 'unlink' || edge) return [];
      if (fact) return [ownerOf(fact.parent && fact.parent.kind !== 'schema' ? fact.parent : fact.id)];
      return id ? [ownerOf(id)] : [];
    }),
  );

async function deltasOf(tool: PgDelta, target: string, source: unknown): Promise<readonly Delta[]> {
  const pool = new Pool({ connectionString: target });
  try {
    return tool.plan((await tool.extract(pool)).factBase, source).deltas;
  } finally {
    await pool.end();
  }
}

async function audited(
  url: string,
  source: Snapshot,
): Promise<readonly { id: string; object: string; message: string }[]> {
  const db = await connectPg({ url, readOnly: true });
  return audit(db, { version: '0', source, workload: [] })
    .then(({ findings }) => findings)
    .finally(() => db.close());
}

const textOf = (delta: Delta, database: string): string =>
  JSON.stringify(delta, (_, value) => (typeof value === 'bigint' ? String(value) : value)).replaceAll(
    database,
    TEMPLATE,
  );

/** `shop.customers` of `shop.customers.email` and of `shop.total(integer)`; an index by its name. */
function isAbout({ object, message }: { object: string; message: string }, owner: string): boolean {
  const name = owner.split('.').at(-1)!;
  return (
    object === owner ||
    object.startsWith(`${owner}.`) ||
    object.startsWith(`${owner}(`) ||
    new RegExp(`^(Unique index|Index) ${name} on `).test(message)
  );
}

async function main(major: number | undefined): Promise<number> {
  const tool = await pgDelta();
  if (tool === null) {
    console.log(`pg-delta is not installed, so nothing was compared. ${INSTALL}`);
    return 0;
  }
  await loadParser();
  const server = await startPostgres(major === undefined ? {} : { major });
  try {
    await run(server.url(), `CREATE DATABASE ${TEMPLATE}`);
    await run(server.url(TEMPLATE), everyKind(server.major, ROLE) + ALONE + perDatabase(TEMPLATE));
    const db = await connectPg({ url: server.url(TEMPLATE), readOnly: true });
    const source = await takeSnapshot(db, { version: '0', count: true }).finally(() => db.close());
    const pool = new Pool({ connectionString: server.url(TEMPLATE) });
    const facts = (await tool.extract(pool)).factBase;
    await pool.end();

    const all = mutations(ROLE);
    const unused = new Set(EXPLAINED);
    let [agreed, explained, failed, at] = [0, 0, 0, 0];
    const compare = async (sql: string): Promise<void> => {
      const name = `copy_${++at}`;
      const url = server.url(name);
      await run(server.url(), `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
      try {
        await run(url, perDatabase(name));
        const standing = new Set(at === 1 ? [] : before);
        await run(url, `SET search_path = public; ${sql.replaceAll('@TARGET@', name)}`);
        const findings = (await audited(url, source)).filter(({ message }) => !standing.has(message));
        if (at === 1) before = findings.map(({ message }) => message);
        const deltas = (await deltasOf(tool, url, facts)).filter((each) => !known.has(textOf(each, name)));
        // Settings of a role are in a database of another name.
        if (at === 1) known = new Set(deltas.map((each) => textOf(each, name)));
        const owners = changedBy(at === 1 ? [] : deltas);
        const [theirs, ours] = [
          [...owners].filter((owner) => !findings.some((each) => isAbout(each, owner))),
          findings.filter((each) => ![...owners].some((owner) => isAbout(each, owner))),
        ];
        const open = [
          ...theirs.map((owner) => `pg-delta alone: ${owner}`),
          ...(at === 1 ? [] : ours.map(({ id, object }) => `the audit alone: ${id} ${object}`)),
        ].map((line) => line.replaceAll(name, '@TARGET@'));
        for (const line of open) {
          const reason = EXPLAINED.find((each) => each.sql.test(sql) && each.says.test(line));
          if (reason) {
            unused.delete(reason);
            explained++;
          } else {
            failed++;
            console.log(`${sql}\n  ${line}`);
          }
        }
        if (open.length === 0) agreed++;
      } finally {
        await run(server.url(), `DROP DATABASE ${name} WITH (FORCE)`);
      }
    };
    let before: readonly string[] = [];
    let known: ReadonlySet<string> = new Set();
    await compare('');
    for (const kind of Object.keys(OBJECT_KINDS) as (keyof typeof OBJECT_KINDS)[]) {
      const changes = all[kind];
      if ('notChecked' in changes) continue;
      for (const each of [changes.dropped, ...changes.changed, changes.renamed])
        if (each && each.sql !== '' && (each.since ?? 0) <= server.major) await compare(each.sql);
    }
    for (const each of unused) console.log(`explained, and not seen any more: ${each.why}`);
    console.log(
      `PostgreSQL ${server.major}: ${at} databases; both say the same of ${agreed}; ${explained} differences explained, ${failed} not.`,
    );
    return failed + unused.size === 0 ? 0 : 1;
  } finally {
    await server.stop();
  }
}

const { values } = parseArgs({ options: { major: { type: 'string' } } });
main(values.major === undefined ? undefined : Number(values.major)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(error);
    process.exitCode = 2;
  },
);
