/** Replays what another tool has applied on a server of our own, and compares what comes of it with the database. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import { readCatalogue } from '../../../lambda/audit/catalogue/read';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { type Entry, isApplied, type Judged } from '../../adopt/entry';
import { type LeftOut, serviceSchemasIn } from '../../adopt/own-objects';
import { type Proof, prove, wordsIn } from '../../adopt/proof';
import { statementsOf } from '../../adopt/statements';
import { as } from '../../compiler/read/tree';
import type { PostgresServer } from '../../scratch-postgres/server';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import type { ConnectionTarget } from './connection';
import {
  asFarAsPossible,
  extensionStatements,
  roleStatements,
  serviceStatements,
  standingStatements,
} from './foundation';
import { withOwnServer } from './own-server';
import { type NotReplayed, type Rewrite, replay } from './replay';
import { serverTarget } from './scratch';
import { createTrialRole, SUPERUSER, type SuperuserFunctions, superuserFunctions } from './trial-role';

/** What of the live database the server of our own has to be like. */
export interface Live {
  readonly catalogue: Catalogue;
  readonly major: number;
  readonly owner: string;
  /** Of the owner: no REVOKE holds for it. */
  readonly ownerIsSuperuser: boolean;
  readonly roles: readonly string[];
  readonly searchPath: string;
}

export interface Proved {
  readonly proof: Proof;
  readonly notReplayed: readonly NotReplayed[];
  /** After the applied ones, and after those that are still to come. */
  readonly applied: Catalogue;
  readonly end: Catalogue;
}

export async function readLive(db: Database): Promise<Live> {
  const { catalogue } = await readCatalogue(db);
  const [row] = await db.query<{
    owner: string;
    path: string;
    roles: string;
    superusers: string;
    version: string;
  }>(
    `SELECT coalesce((SELECT pg_catalog.pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
          AND c.relkind OPERATOR(pg_catalog.=) 'r'::"char"
        GROUP BY c.relowner ORDER BY pg_catalog.count(*) DESC, c.relowner LIMIT 1), current_user)::text AS owner,
      pg_catalog.current_setting('search_path') AS path, pg_catalog.current_setting('server_version_num') AS version,
      (SELECT pg_catalog.json_agg(r.rolname)::text FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_') AS roles,
      (SELECT pg_catalog.json_agg(r.rolname)::text FROM pg_catalog.pg_roles r WHERE r.rolsuper) AS superusers`,
  );
  const { owner, path, roles, superusers, version } = row!;
  return {
    catalogue,
    major: Math.floor(Number(version) / 10_000),
    owner,
    ownerIsSuperuser: (JSON.parse(superusers) as string[]).includes(owner),
    roles: JSON.parse(roles) as string[],
    searchPath: path,
  };
}

export async function proveLedger(
  terminal: Terminal,
  live: Live,
  judged: readonly Judged[],
  leftOut: LeftOut,
): Promise<Proved> {
  const applied = judged.filter(({ state }) => isApplied(state)).map(({ entry }) => entry);
  const others = judged.filter(({ state }) => !isApplied(state)).map(({ entry }) => entry);
  return withOwnServer(terminal, { major: live.major, superuser: SUPERUSER }, async (server, own) => {
    const progress = progressView(own);
    return progress.during(async () => {
      progress.now('preparing a server of our own');
      const { target, rewrite } = await prepare(server, live, [...applied, ...others], leftOut);
      const run = (entries: readonly Entry[]): Promise<readonly NotReplayed[]> =>
        replay(target, entries, live.searchPath, rewrite, ({ key }) => progress.now(`replaying ${key}`));
      const notReplayed = await run(applied);
      const after = await catalogueOf(server, target);
      await run(others);
      const end = others.length === 0 ? after : await catalogueOf(server, target);
      const doubtful = new Set(notReplayed.flatMap(({ sql }) => [...wordsIn(sql)]));
      const proof = prove({ replayed: after, live: live.catalogue, leftOut, entries: applied, doubtful });
      return { proof, notReplayed, applied: after, end };
    });
  });
}

async function catalogueOf(server: PostgresServer, { pg }: ConnectionTarget): Promise<Catalogue> {
  const db = await connectPg({ ...serverTarget(server, pg.database).pg, readOnly: true });
  try {
    return (await readCatalogue(db)).catalogue;
  } finally {
    await db.close();
  }
}

async function prepare(
  server: PostgresServer,
  live: Live,
  entries: readonly Entry[],
  { schemas }: LeftOut,
): Promise<{ readonly target: ConnectionTarget; readonly rewrite: Rewrite }> {
  const owner = /^pg_/.test(live.owner) || live.owner === SUPERUSER ? undefined : live.owner;
  const role = await within(serverTarget(server), async (db) => {
    const made = await createTrialRole(db, owner);
    const texts = entries.map(({ sql }) => sql ?? '').join('\n');
    const known = live.roles.filter(
      (name) => name !== made.name && name !== SUPERUSER && !makesRole(texts, name),
    );
    for (const sql of roleStatements(known, made.name)) await db.query(sql);
    return made;
  });
  const asSuperuser = serverTarget(server, role.database);
  const target = { ...asSuperuser, pg: { ...asSuperuser.pg, user: role.name, password: role.password } };
  const services = serviceSchemasIn(live.catalogue).filter((name) => schemas.has(name));
  const rewrite = await within(asSuperuser, async (db) => {
    const functions = await superuserFunctions(db, role.name);
    const { texts, extensions } = rewritten(entries, functions);
    await functions.create();
    await asFarAsPossible(db, extensionStatements(live.catalogue, extensions, services, role.name));
    return ((entry) => texts.get(entry) ?? entry.sql ?? '') satisfies Rewrite;
  });
  if (services.length > 0) {
    await within(target, (db) => asFarAsPossible(db, serviceStatements(live.catalogue, services)));
    await within(asSuperuser, (db) => asFarAsPossible(db, standingStatements(live.catalogue, role.name)));
  }
  return { target, rewrite };
}

const makesRole = (texts: string, name: string): boolean =>
  new RegExp(`create\\s+(role|user)\\s+"?${name.replace(/[^\w]/g, '\\$&')}\\b`, 'i').test(texts);

/** Statements about extensions that only a superuser may make; and which extensions the files name at all. */
function rewritten(entries: readonly Entry[], { untrusted, add }: SuperuserFunctions) {
  const texts = new Map<Entry, string>();
  const extensions = new Set<string>();
  for (const entry of entries) {
    const { sql } = entry;
    if (sql === null || !/\bextension\b/i.test(sql)) continue;
    let text = sql;
    for (const statement of [...(statementsOf(entry.file, sql) ?? [])].reverse()) {
      const { node, start, end } = statement;
      const name = as(node, 'CreateExtensionStmt')?.extname ?? as(node, 'AlterExtensionStmt')?.extname;
      if (name === undefined) continue;
      extensions.add(name.toLowerCase());
      if (untrusted.has(name)) text = text.slice(0, start) + add(statement.sql) + text.slice(end);
    }
    if (text !== sql) texts.set(entry, text);
  }
  return { texts, extensions };
}

async function within<T>({ pg }: ConnectionTarget, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await connectPg(pg);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}
