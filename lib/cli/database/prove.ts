/** Replays what another tool has applied on a temporary server, and compares the result with the database. */
import type { Catalog } from '../../../lambda/audit/catalog';
import { readCatalog } from '../../../lambda/audit/catalog/read';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { type EntryStatus, isApplied, type MigrationEntry } from '../../adopt/entry';
import { type ExcludedObjects, listServiceSchemas } from '../../adopt/own-objects';
import { listWords, type ProofResult, prove } from '../../adopt/proof';
import { parseStatements } from '../../adopt/statements';
import { unwrapNode } from '../../compiler/read/tree';
import type { PostgresServer } from '../../scratch-postgres/server';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import type { ConnectionTarget } from './connection';
import {
  buildDatabaseDefaultStatements,
  buildExtensionStatements,
  buildRoleStatements,
  buildServiceStatements,
  executeIgnoringErrors,
} from './foundation';
import { withScratchServer } from './own-server';
import { type ReplayFailure, type RewriteEntry, replayEntries } from './replay';
import { buildServerTarget } from './scratch';
import {
  createSuperuserFunctions,
  createTrialRole,
  SCRATCH_SUPERUSER,
  type SuperuserFunctions,
} from './trial-role';

/** Properties of the live database that the temporary server must have too. */
export interface LiveDatabase {
  readonly catalog: Catalog;
  readonly major: number;
  readonly owner: string;
  /** Whether the owner is a superuser: no REVOKE affects a superuser. */
  readonly ownerIsSuperuser: boolean;
  readonly roles: readonly string[];
  readonly searchPath: string;
}

export interface LedgerProof {
  readonly proof: ProofResult;
  readonly notReplayed: readonly ReplayFailure[];
  /** The catalog after the applied migrations; `end` is the catalog after the pending ones too. */
  readonly applied: Catalog;
  readonly end: Catalog;
}

export async function readLiveDatabase(db: Database): Promise<LiveDatabase> {
  const { catalog } = await readCatalog(db);
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
          AND c.relkind OPERATOR(pg_catalog.=) 'r'::pg_catalog."char"
        GROUP BY c.relowner ORDER BY pg_catalog.count(*) DESC, c.relowner LIMIT 1), current_user)::pg_catalog.text AS owner,
      pg_catalog.current_setting('search_path') AS path, pg_catalog.current_setting('server_version_num') AS version,
      (SELECT pg_catalog.json_agg(r.rolname)::pg_catalog.text FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.!~) '^pg_') AS roles,
      (SELECT pg_catalog.json_agg(r.rolname)::pg_catalog.text FROM pg_catalog.pg_roles r WHERE r.rolsuper) AS superusers`,
  );
  const { owner, path, roles, superusers, version } = row!;
  return {
    catalog,
    major: Math.floor(Number(version) / 10_000),
    owner,
    ownerIsSuperuser: (JSON.parse(superusers) as string[]).includes(owner),
    roles: JSON.parse(roles) as string[],
    searchPath: path,
  };
}

export async function proveLedger(
  terminal: Terminal,
  live: LiveDatabase,
  judged: readonly EntryStatus[],
  leftOut: ExcludedObjects,
): Promise<LedgerProof> {
  const applied = judged.filter(({ state }) => isApplied(state)).map(({ entry }) => entry);
  const others = judged.filter(({ state }) => !isApplied(state)).map(({ entry }) => entry);
  return withScratchServer(
    terminal,
    { major: live.major, superuser: SCRATCH_SUPERUSER },
    async (server, own) => {
      const progress = createProgressView(own);
      return progress.during(async () => {
        progress.now('preparing a scratch server');
        const { target, rewrite } = await prepareServer(server, live, [...applied, ...others], leftOut);
        const run = (entries: readonly MigrationEntry[]): Promise<readonly ReplayFailure[]> =>
          replayEntries(target, entries, live.searchPath, rewrite, ({ key }) =>
            progress.now(`replaying ${key}`),
          );
        const notReplayed = await run(applied);
        const after = await readServerCatalog(server, target);
        await run(others);
        const end = others.length === 0 ? after : await readServerCatalog(server, target);
        const doubtful = new Set(notReplayed.flatMap(({ sql }) => [...listWords(sql)]));
        const proof = prove({ replayed: after, live: live.catalog, leftOut, entries: applied, doubtful });
        return { proof, notReplayed, applied: after, end };
      });
    },
  );
}

async function readServerCatalog(server: PostgresServer, { pg }: ConnectionTarget): Promise<Catalog> {
  const db = await connectPg({ ...buildServerTarget(server, pg.database).pg, readOnly: true });
  try {
    return (await readCatalog(db)).catalog;
  } finally {
    await db.close();
  }
}

async function prepareServer(
  server: PostgresServer,
  live: LiveDatabase,
  entries: readonly MigrationEntry[],
  { schemas }: ExcludedObjects,
): Promise<{ readonly target: ConnectionTarget; readonly rewrite: RewriteEntry }> {
  const owner = /^pg_/.test(live.owner) || live.owner === SCRATCH_SUPERUSER ? undefined : live.owner;
  const role = await useConnection(buildServerTarget(server), async (db) => {
    const made = await createTrialRole(db, owner);
    const texts = entries.map(({ sql }) => sql ?? '').join('\n');
    const known = live.roles.filter(
      (name) => name !== made.name && name !== SCRATCH_SUPERUSER && !createsRole(texts, name),
    );
    for (const sql of buildRoleStatements(known, made.name)) await db.query(sql);
    return made;
  });
  const asSuperuser = buildServerTarget(server, role.database);
  const target = { ...asSuperuser, pg: { ...asSuperuser.pg, user: role.name, password: role.password } };
  const services = listServiceSchemas(live.catalog).filter((name) => schemas.has(name));
  const rewrite = await useConnection(asSuperuser, async (db) => {
    const functions = await createSuperuserFunctions(db, role.name);
    const { texts, extensions } = rewriteExtensions(entries, functions);
    await functions.create();
    await executeIgnoringErrors(
      db,
      buildExtensionStatements(live.catalog, extensions, services, role.name, functions.isRefused),
    );
    return ((entry) => texts.get(entry) ?? entry.sql ?? '') satisfies RewriteEntry;
  });
  if (services.length > 0) {
    await useConnection(target, (db) =>
      executeIgnoringErrors(db, buildServiceStatements(live.catalog, services)),
    );
    await useConnection(asSuperuser, (db) =>
      executeIgnoringErrors(db, buildDatabaseDefaultStatements(live.catalog, role.name)),
    );
  }
  return { target, rewrite };
}

const createsRole = (texts: string, name: string): boolean =>
  new RegExp(`create\\s+(role|user)\\s+"?${name.replace(/[^\w]/g, '\\$&')}\\b`, 'i').test(texts);

/**
 * Replaces statements about extensions that only a superuser may create, and collects all extensions that the files
 * name.
 */
function rewriteExtensions(entries: readonly MigrationEntry[], { replace }: SuperuserFunctions) {
  const texts = new Map<MigrationEntry, string>();
  const extensions = new Set<string>();
  for (const entry of entries) {
    const { sql } = entry;
    if (sql === null || !/\bextension\b/i.test(sql)) continue;
    let text = sql;
    for (const statement of [...(parseStatements(entry.file, sql) ?? [])].reverse()) {
      const { node, start, end } = statement;
      const name =
        unwrapNode(node, 'CreateExtensionStmt')?.extname ?? unwrapNode(node, 'AlterExtensionStmt')?.extname;
      if (name === undefined) continue;
      extensions.add(name.toLowerCase());
      const replaced = replace(name, statement.sql);
      if (replaced !== null) text = text.slice(0, start) + replaced + text.slice(end);
    }
    if (text !== sql) texts.set(entry, text);
  }
  return { texts, extensions };
}

async function useConnection<T>({ pg }: ConnectionTarget, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await connectPg(pg);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}
