/**
 * Measures what pending statements will meet: how much an index build reads, and how many rows violate a constraint
 * that is added or validated. Rows are counted in read-only transactions, within {@link COUNT_TIMEOUT_MS} for the whole plan,
 * and only if no untrusted code runs with the login's privileges. Each count that is left out is reported with
 * its reason.
 */
import type { Effect, IndexEffect, IndexKey, ObjectName } from '../contract/effects';
import type { Manifest, Statement } from '../contract/manifest';
import type { IndexBuild, PlannedStep, ViolationCount } from '../contract/status';
import { type Database, SqlError } from '../postgres/database';
import { queryTrusted, UntrustedCode } from '../postgres/untrusted-code';
import { quoteIdentifier, quoteIfNeeded } from '../sql/quote';
import type { Ledger } from './ledger/ledger';

export type MeasuredStatement = Pick<PlannedStep['statements'][number], 'builds' | 'violations'>;

const COUNT_TIMEOUT_MS = 5_000;
/** Short, because a plan should not wait for locks. */
const LOCK_WAIT_MS = 200;
/** Row limits of the two counts: whether there is a violation at all, then up to 10,000. */
const COUNT_LIMITS = [1, 10_000];

/** Measures the pending statements. @param ledger with the names that the files have now */
export async function measureSteps(
  db: Database,
  pending: readonly Statement[],
  manifest: Manifest,
  ledger: Ledger,
  ownerRole: string | null,
): Promise<ReadonlyMap<Statement, MeasuredStatement>> {
  const measured = new Map<Statement, MeasuredStatement>();
  const deadline = Date.now() + COUNT_TIMEOUT_MS;
  const session = { db, ownerRole, deadline };
  const tables = await readTables(
    session,
    pending.flatMap(({ effects }) => effects.flatMap(listAffectedTables)),
  );
  const find: FindTable = (name) => tables.get(buildNameKey(name)) ?? null;
  const counts: { readonly statement: Statement; readonly count: ViolationQuery }[] = [];
  for (const statement of pending) {
    const builds: IndexBuild[] = [];
    for (const effect of statement.effects) {
      const table = effect.kind === 'index' ? find(effect.table) : null;
      if (table !== null && effect.kind === 'index') {
        const bytes = await readSize(session, table);
        const before = findEarlierBuilds(manifest, ledger, effect.table);
        const { rows } = table;
        builds.push({ table: formatName(effect.table), bytes, rows, ...(before ? { before } : {}) });
      }
      for (const count of buildViolationQueries(effect, statement.sql, find))
        counts.push({ statement, count });
    }
    if (builds.length > 0) measured.set(statement, { builds });
  }
  if (counts.length === 0) return measured;
  for (const { statement, count } of counts) {
    const known = measured.get(statement);
    const violation = await countRows(session, count);
    measured.set(statement, { ...known, violations: [...(known?.violations ?? []), violation] });
  }
  return measured;
}

interface MeasureSession {
  readonly db: Database;
  readonly ownerRole: string | null;
  readonly deadline: number;
}

/** A table that exists now. */
interface ExistingTable {
  /** Quoted and schema-qualified. */
  readonly sql: string;
  readonly rows: number | null;
  /** For each column, whether its type is one of PostgreSQL's own base types. */
  readonly columns: Readonly<Record<string, boolean>>;
  readonly primaryKey: readonly string[];
  /** Constraints that are NOT VALID, by name. */
  readonly unvalidated: Readonly<Record<string, UnvalidatedConstraint>>;
}

interface UnvalidatedConstraint {
  /** The constraint type: `c` CHECK, `f` foreign key, `n` NOT NULL. */
  readonly type: string;
  readonly columns: readonly string[];
  readonly expression: string | null;
  readonly references: ObjectName | null;
  readonly referenced: readonly string[];
  /** MATCH SIMPLE, with columns of PostgreSQL's own types only. */
  readonly plain: boolean;
}

type FindTable = (name: ObjectName) => ExistingTable | null;

/**
 * One count. `query` returns `n`, the violating rows, and `found`, the rows or groups read; `limit` caps `found`, so
 * there may be more violations when the two are equal.
 */
interface ViolationQuery {
  readonly constraint: string;
  readonly query: ((limit: number) => string) | null;
  /** Quoted, with their schemas: those that the query reads. @default - there is no query */
  readonly tables?: readonly string[];
  /** Why there is no query. */
  readonly why?: string;
}

function listAffectedTables(effect: Effect): readonly ObjectName[] {
  switch (effect.kind) {
    case 'index':
    case 'set not null':
    case 'check':
    case 'validate constraint':
      return [effect.table];
    case 'foreign key':
      return [effect.table, effect.references];
    default:
      return [];
  }
}

const buildNameKey = ({ schema, name }: ObjectName): string => JSON.stringify([schema, name]);
const formatName = ({ schema, name }: ObjectName): string =>
  [schema, name].flatMap((part) => (part === null ? [] : quoteIfNeeded(part))).join('.');

const buildQuerySettings = ({ ownerRole, deadline }: MeasureSession): Readonly<Record<string, string>> => ({
  statement_timeout: String(Math.max(1, deadline - Date.now())),
  lock_timeout: String(LOCK_WAIT_MS),
  // Rows hidden by a policy also violate the constraint. With `off`, the query fails instead of leaving them out of
  // the count.
  row_security: 'off',
  ...(ownerRole === null ? {} : { role: ownerRole }),
});

/** Waits for sessions that have the table locked. */
const TABLE_SIZE_SQL = `SELECT pg_catalog.sum(pg_catalog.pg_table_size(part.relid))::pg_catalog.float8 AS bytes FROM (
    SELECT p.relid FROM pg_catalog.pg_partition_tree($1::pg_catalog.regclass) AS p
    UNION SELECT $1::pg_catalog.regclass) AS part`;

const READ_TABLES_SQL = `SELECT w.at, pg_catalog.format('%I.%I', n.nspname, c.relname) AS sql,
  (SELECT CASE WHEN pg_catalog.bool_or(l.reltuples OPERATOR(pg_catalog.>=) 0) THEN
      pg_catalog.sum(CASE WHEN l.reltuples OPERATOR(pg_catalog.>) 0 THEN l.reltuples ELSE 0 END)::pg_catalog.float8 END
    FROM pg_catalog.pg_class l WHERE l.relkind OPERATOR(pg_catalog.<>) 'p'
      AND (l.relpages OPERATOR(pg_catalog.>) 0 OR l.reltuples OPERATOR(pg_catalog.>) 0)
      AND (l.oid OPERATOR(pg_catalog.=) c.oid OR l.oid OPERATOR(pg_catalog.=) ANY (
        SELECT p.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(c.oid) AS p))) AS rows,
  (SELECT coalesce(pg_catalog.json_object_agg(a.attname, t.typnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace
      AND t.typtype OPERATOR(pg_catalog.=) 'b'), '{}')::pg_catalog.text
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
    WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped) AS columns,
  (SELECT coalesce(pg_catalog.json_object_agg(k.conname, pg_catalog.json_build_object('type', k.contype,
      'columns', ARRAY(${buildColumnNamesSql('k.conrelid', 'k.conkey')}), 'expression', pg_catalog.pg_get_expr(k.conbin, k.conrelid),
      'references', (SELECT pg_catalog.json_build_object('schema', rn.nspname, 'name', r.relname) FROM pg_catalog.pg_class r
        JOIN pg_catalog.pg_namespace rn ON rn.oid OPERATOR(pg_catalog.=) r.relnamespace WHERE r.oid OPERATOR(pg_catalog.=) k.confrelid),
      'referenced', ARRAY(${buildColumnNamesSql('k.confrelid', 'k.confkey')}),
      'plain', k.confmatchtype OPERATOR(pg_catalog.=) 's' AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
        WHERE (a.attrelid OPERATOR(pg_catalog.=) k.conrelid AND a.attnum OPERATOR(pg_catalog.=) ANY (k.conkey)
            OR a.attrelid OPERATOR(pg_catalog.=) k.confrelid AND a.attnum OPERATOR(pg_catalog.=) ANY (k.confkey))
          AND (t.typnamespace OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.regnamespace OR t.typtype OPERATOR(pg_catalog.<>) 'b')))), '{}')::pg_catalog.text
    FROM pg_catalog.pg_constraint k WHERE k.conrelid OPERATOR(pg_catalog.=) c.oid AND NOT k.convalidated) AS unvalidated,
  (SELECT coalesce(pg_catalog.json_agg(pk.attname), '[]')::pg_catalog.text FROM pg_catalog.pg_constraint k,
    LATERAL (${buildColumnNamesSql('k.conrelid', 'k.conkey')}) AS pk (attname)
    WHERE k.conrelid OPERATOR(pg_catalog.=) c.oid AND k.contype OPERATOR(pg_catalog.=) 'p') AS primary_key
FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS w (at pg_catalog.int4, name pg_catalog.text)
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(w.name)
  AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,m}'::pg_catalog."char"[])
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace`;

function buildColumnNamesSql(relation: string, numbers: string): string {
  return `SELECT a.attname FROM pg_catalog.unnest(${numbers}) WITH ORDINALITY AS key (number, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) ${relation} AND a.attnum OPERATOR(pg_catalog.=) key.number ORDER BY key.place`;
}

interface TableRow extends Readonly<Record<string, unknown>> {
  readonly at: number;
  readonly sql: string;
  readonly rows: number | string | null;
  readonly columns: string;
  readonly unvalidated: string;
  readonly primary_key: string;
}

/** @throws {SqlError} */
async function readTables(
  session: MeasureSession,
  wanted: readonly ObjectName[],
): Promise<ReadonlyMap<string, ExistingTable>> {
  const names = [...new Map(wanted.map((name) => [buildNameKey(name), name])).values()];
  if (names.length === 0) return new Map();
  const asked = names.map(({ schema, name }, at) => ({
    at,
    name: [schema, name].flatMap((part) => (part === null ? [] : quoteIdentifier(part))).join('.'),
  }));
  const found = await session.db.inReadOnlyTransaction(
    (reads) => reads.query<TableRow>(READ_TABLES_SQL, [JSON.stringify(asked)]),
    { settings: buildQuerySettings(session) },
  );
  return new Map(
    found.map((row) => [
      buildNameKey(names[Number(row.at)]!),
      {
        sql: row.sql,
        rows: row.rows === null ? null : Number(row.rows),
        columns: JSON.parse(row.columns) as ExistingTable['columns'],
        unvalidated: JSON.parse(row.unvalidated) as ExistingTable['unvalidated'],
        primaryKey: JSON.parse(row.primary_key) as string[],
      },
    ]),
  );
}

async function readSize(session: MeasureSession, { sql }: ExistingTable): Promise<number | null> {
  const found = await catchSqlError(() =>
    session.db.inReadOnlyTransaction((reads) => reads.query<{ bytes: number }>(TABLE_SIZE_SQL, [sql]), {
      settings: buildQuerySettings(session),
    }),
  );
  return found instanceof Error ? null : Number(found[0]!.bytes);
}

async function catchSqlError<T>(work: () => Promise<T>): Promise<T | SqlError | UntrustedCode> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SqlError || error instanceof UntrustedCode) return error;
    throw error;
  }
}

/** Returns the durations of applied migrations that only built indexes. */
function findEarlierBuilds(manifest: Manifest, ledger: Ledger, table: ObjectName): IndexBuild['before'] {
  const files = new Map(manifest.migrations.map((each) => [each.name, each]));
  const builds = ledger.migrations.flatMap((row) => {
    const file = files.get(row.name);
    const effects = file?.statements.map((statement) => statement.effects) ?? [];
    const isBuild = effects.length > 0 && effects.every((list) => list.some(({ kind }) => kind === 'index'));
    const isRun = row.state === 'applied' && !row.baselined && row.upChecksum === file?.checksums.up;
    // A table that the same migration creates is empty.
    if (!isBuild || !isRun || effects.flat().some(({ kind }) => kind === 'table')) return [];
    const indexes = effects.flat().filter((effect): effect is IndexBuildEffect => effect.kind === 'index');
    return [
      {
        ms: row.durationMs,
        same: indexes.every((effect) => buildNameKey(effect.table) === buildNameKey(table)),
      },
    ];
  });
  const same = builds.filter((build) => build.same);
  const those = same.length > 0 ? same : builds;
  if (those.length === 0) return undefined;
  const durations = those.map(({ ms }) => ms);
  return {
    sameTable: same.length > 0,
    builds: those.length,
    shortestMs: Math.min(...durations),
    longestMs: Math.max(...durations),
  };
}

type IndexBuildEffect = Extract<IndexEffect, { kind: 'index' }>;

function buildViolationQueries(effect: Effect, sql: string, find: FindTable): readonly ViolationQuery[] {
  if (!('table' in effect)) return [];
  const table = find(effect.table);
  if (table === null) return [];
  const name = formatName(effect.table);
  switch (effect.kind) {
    case 'set not null':
      return [buildNullsQuery(table, name, effect.column)];
    case 'check': {
      const { expression } = effect;
      const constraint = effect.name === null ? `a CHECK of ${name}` : `CHECK ${effect.name} of ${name}`;
      return [
        expression === undefined
          ? { constraint, query: null, why: 'its expression is not known' }
          : buildFalseQuery(table, constraint, expression),
      ];
    }
    case 'index':
      return effect.unique ? [buildDuplicatesQuery(table, name, effect, sql)] : [];
    case 'foreign key': {
      const constraint = `FOREIGN KEY (${effect.columns.map(quoteIfNeeded).join(', ')}) of ${name}`;
      const parent = find(effect.references);
      if (parent === null)
        return [{ constraint, query: null, why: `${formatName(effect.references)} does not exist yet` }];
      if (/\bMATCH\s+FULL\b|\bPERIOD\b/i.test(sql))
        return [{ constraint, query: null, why: 'it is MATCH FULL or has a period' }];
      const referenced = effect.referenced.length > 0 ? effect.referenced : parent.primaryKey;
      return [buildOrphansQuery(table, constraint, effect.columns, parent, referenced)];
    }
    case 'validate constraint': {
      const known = table.unvalidated[effect.name];
      // A constraint that a pending statement adds is counted with that statement.
      return known ? [buildUnvalidatedQuery(table, name, effect.name, known, find)] : [];
    }
    default:
      return [];
  }
}

function buildUnvalidatedQuery(
  table: ExistingTable,
  name: string,
  constraintName: string,
  known: UnvalidatedConstraint,
  find: FindTable,
): ViolationQuery {
  const constraint = `constraint ${quoteIfNeeded(constraintName)} of ${name}`;
  const [column] = known.columns;
  if (known.type === 'c' && known.expression !== null)
    return buildFalseQuery(table, constraint, known.expression);
  if (known.type === 'n' && column !== undefined)
    return { ...buildNullsQuery(table, name, column), constraint };
  if (known.type === 'f' && known.references && known.plain) {
    const parent = find(known.references) ?? {
      ...table,
      sql: `${quoteIdentifier(known.references.schema ?? '')}.${quoteIdentifier(known.references.name)}`,
      columns: Object.fromEntries(known.referenced.map((each) => [each, true])),
    };
    return buildOrphansQuery(table, constraint, known.columns, parent, known.referenced);
  }
  return { constraint, query: null, why: 'it is MATCH FULL, or has columns of types that are not built in' };
}

const buildLimitedSql = (from: string, limit: number): string =>
  `SELECT pg_catalog.count(*)::pg_catalog.float8 AS n, pg_catalog.count(*)::pg_catalog.float8 AS found FROM (SELECT FROM ${from} LIMIT ${limit}) AS violating`;

const describeMissingColumn = (table: ExistingTable, columns: readonly string[]): string | undefined => {
  const missing = columns.find((column) => !(column in table.columns));
  return missing === undefined ? undefined : `column ${quoteIfNeeded(missing)} does not exist yet`;
};

function buildNullsQuery(table: ExistingTable, name: string, column: string): ViolationQuery {
  const constraint = `NOT NULL of ${name}.${quoteIfNeeded(column)}`;
  const why = describeMissingColumn(table, [column]);
  if (why !== undefined) return { constraint, query: null, why };
  // For a composite type, IS NULL tests the fields.
  const from = `${table.sql} WHERE ${quoteIdentifier(column)} IS NOT DISTINCT FROM NULL`;
  return { constraint, query: (limit) => buildLimitedSql(from, limit), tables: [table.sql] };
}

const buildFalseQuery = (table: ExistingTable, constraint: string, expression: string): ViolationQuery => ({
  constraint,
  query: (limit) => buildLimitedSql(`${table.sql} WHERE NOT (${expression}\n)`, limit),
  tables: [table.sql],
});

function buildDuplicatesQuery(
  table: ExistingTable,
  name: string,
  effect: IndexBuildEffect,
  sql: string,
): ViolationQuery {
  const keys = effect.keys.map(buildKeySql);
  const constraint = `${effect.primary ? 'PRIMARY KEY' : 'UNIQUE'} (${effect.keys.map(formatKey).join(', ')}) of ${name}`;
  const columns = effect.keys.flatMap((key) => ('column' in key ? key.column : []));
  const why = /\bNULLS\s+NOT\s+DISTINCT\b/i.test(sql)
    ? 'it is NULLS NOT DISTINCT'
    : keys.includes('()')
      ? 'its keys are not known'
      : describeMissingColumn(table, columns);
  if (why !== undefined) return { constraint, query: null, why };
  const where = [
    ...(effect.predicate === null ? [] : [`(${effect.predicate}\n)`]),
    ...keys.map((key) => `NOT (${key} IS NOT DISTINCT FROM NULL)`),
  ].join(' AND ');
  const groups = (limit: number): string =>
    `SELECT pg_catalog.count(*) AS n FROM ${table.sql} WHERE ${where} GROUP BY ${keys.join(', ')}
      HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT ${limit}`;
  return {
    constraint,
    query: (limit) =>
      `SELECT coalesce(pg_catalog.sum(n), 0)::pg_catalog.float8 AS n, pg_catalog.count(*)::pg_catalog.float8 AS found FROM (${groups(limit)}) AS violating`,
    tables: [table.sql],
  };
}

const buildKeySql = (key: IndexKey): string =>
  'column' in key ? quoteIdentifier(key.column) : `(${key.expression})`;
const formatKey = (key: IndexKey): string => ('column' in key ? quoteIfNeeded(key.column) : key.expression);

function buildOrphansQuery(
  table: ExistingTable,
  constraint: string,
  columns: readonly string[],
  parent: ExistingTable,
  referenced: readonly string[],
): ViolationQuery {
  const why =
    describeMissingColumn(table, columns) ??
    describeMissingColumn(parent, referenced) ??
    (columns.length !== referenced.length || columns.length === 0
      ? 'the key that it references is not known'
      : columns.every((each) => table.columns[each]) && referenced.every((each) => parent.columns[each])
        ? undefined
        : 'a column has a type that is not built in');
  if (why !== undefined) return { constraint, query: null, why };
  const isSet = columns.map((each) => `child.${quoteIdentifier(each)} IS NOT NULL`);
  const isSame = columns.map(
    (each, i) =>
      `parent.${quoteIdentifier(referenced[i]!)} OPERATOR(pg_catalog.=) child.${quoteIdentifier(each)}`,
  );
  const from = `${table.sql} AS child WHERE ${isSet.join(' AND ')} AND NOT EXISTS (SELECT FROM ${parent.sql} AS parent WHERE ${isSame.join(' AND ')})`;
  return { constraint, query: (limit) => buildLimitedSql(from, limit), tables: [table.sql, parent.sql] };
}

async function countRows(
  session: MeasureSession,
  { constraint, query, tables = [], why }: ViolationQuery,
): Promise<ViolationCount> {
  const not = (reason: string): ViolationCount => ({ constraint, rows: null, why: reason });
  if (query === null) return not(why ?? '');
  const hold = `SELECT FROM ${tables.map((table) => `ONLY ${table}`).join(', ')}`;
  let known: ViolationCount = not(`the time limit of ${COUNT_TIMEOUT_MS / 1_000} s was reached`);
  for (const limit of COUNT_LIMITS) {
    if (Date.now() >= session.deadline) return known;
    const answer = await catchSqlError(() =>
      queryTrusted<{ n: number; found: number }>(session.db, {
        sql: query(limit),
        hold,
        settings: buildQuerySettings(session),
      }),
    );
    if (answer instanceof UntrustedCode)
      return not(`it may call untrusted code with the privileges of this login: ${answer.code}`);
    if (answer instanceof SqlError) return known.rows === null ? not(describeCountError(answer)) : known;
    const [{ n, found }] = answer as [{ n: number; found: number }];
    const isAll = Number(found) < limit;
    known = { constraint, rows: Number(n), ...(isAll ? {} : { atLeast: true }) };
    if (isAll) return known;
  }
  return known;
}

/** Describes the error without the server's message, which may contain values. */
function describeCountError({ sqlstate }: SqlError): string {
  switch (sqlstate) {
    case '57014':
      return `the time limit of ${COUNT_TIMEOUT_MS / 1_000} s was reached`;
    case '55P03':
      return 'the table is locked';
    case '42501':
      return 'this login may not read all rows';
    default:
      return `the server refused to count (SQLSTATE ${sqlstate})`;
  }
}
