/**
 * Reads the ledgers of other migration tools from the database. They are recognized by their columns, since the table
 * of every tool can be renamed, and other tables are called `schema_migrations` and `migrations` too.
 */
import { TrueupError } from '../../contract/errors';
import { type Database, SqlError } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import { LOCK_NOT_AVAILABLE, readTrusted, UntrustedCode } from '../../postgres/untrusted-code';
import { quoteIdentifier, quoteTextArray } from '../../sql/quote';

/** A migration tool whose ledger can be read. */
export type LedgerTool =
  | 'Atlas'
  | 'dbmate'
  | 'Drizzle'
  | 'Ecto'
  | 'Flyway'
  | 'golang-migrate'
  | 'goose'
  | 'graphile-migrate'
  | 'Knex'
  | 'node-pg-migrate'
  | 'postgres-migrations'
  | 'Prisma'
  | 'Rails'
  | 'Sequelize'
  | 'sql-migrate'
  | 'sqlx'
  | 'Supabase'
  | 'tern'
  | 'TypeORM'
  | 'yoyo';

export interface ForeignLedger {
  readonly tool: LedgerTool;
  /** Quoted and schema-qualified. */
  readonly table: string;
  /**
   * The rows, with the columns that the tool keeps for a file; its own rule says which of them identify the file.
   * `null` if the login role may not read the table, or must not.
   */
  readonly rows: readonly Readonly<Record<string, string | null>>[] | null;
  /**
   * Code that reading the table may run and that is not trusted with the login's privileges: `role: object`.
   * @default - the table was read, or the login role may not read it
   */
  readonly code?: string;
}

interface LedgerShape {
  readonly tool: LedgerTool;
  /** Columns that the table must have, with the families of their types. */
  readonly columns: Readonly<Record<string, 'text' | 'int' | 'bool' | 'time'>>;
  /** Whether the table may have further columns. @default false */
  readonly more?: boolean;
  /** Pattern of the table's name, where the columns alone are too common. @default - any name */
  readonly name?: RegExp;
  readonly schema?: string;
  /** Columns that are read if they exist. */
  readonly optional?: readonly string[];
  /**
   * Columns that are read only when a folder is taken over from the tool. They show whether a row was only marked as
   * applied, and whether its file was edited since.
   */
  readonly detail?: readonly string[];
}

/** The first matching shape counts. */
const LEDGER_SHAPES: readonly LedgerShape[] = [
  {
    tool: 'Supabase',
    schema: 'supabase_migrations',
    name: /^schema_migrations$/,
    columns: { version: 'text' },
    more: true,
    detail: ['statements'],
  },
  { tool: 'dbmate', columns: { version: 'text' } },
  // A single number column is too common; `schema_version` is the name that tern itself chooses.
  { tool: 'tern', columns: { version: 'int' }, name: /^schema_version$/ },
  { tool: 'golang-migrate', columns: { version: 'int', dirty: 'bool' } },
  { tool: 'Ecto', columns: { version: 'int', inserted_at: 'time' } },
  {
    tool: 'Flyway',
    columns: { installed_rank: 'int', version: 'text', description: 'text', type: 'text', success: 'bool' },
    more: true,
    detail: ['checksum'],
  },
  {
    tool: 'Prisma',
    columns: { migration_name: 'text', checksum: 'text', finished_at: 'time', rolled_back_at: 'time' },
    more: true,
    detail: ['started_at', 'applied_steps_count'],
  },
  {
    tool: 'Drizzle',
    columns: { id: 'int', hash: 'text', created_at: 'int' },
    more: true,
    name: /migration/i,
    optional: ['name'],
  },
  { tool: 'node-pg-migrate', columns: { id: 'int', name: 'text', run_on: 'time' } },
  { tool: 'Knex', columns: { id: 'int', name: 'text', batch: 'int', migration_time: 'time' } },
  { tool: 'TypeORM', columns: { id: 'int', timestamp: 'int', name: 'text' }, name: /migration/i },
  { tool: 'goose', columns: { id: 'int', version_id: 'int', is_applied: 'bool', tstamp: 'time' } },
  {
    tool: 'sqlx',
    columns: {
      version: 'int',
      description: 'text',
      installed_on: 'time',
      success: 'bool',
      execution_time: 'int',
    },
    more: true,
  },
  {
    tool: 'Atlas',
    columns: { version: 'text', description: 'text', applied: 'int', total: 'int', executed_at: 'time' },
    more: true,
  },
  {
    tool: 'graphile-migrate',
    columns: { hash: 'text', previous_hash: 'text', filename: 'text', date: 'time' },
  },
  {
    tool: 'postgres-migrations',
    columns: { id: 'int', name: 'text', hash: 'text', executed_at: 'time' },
  },
  { tool: 'yoyo', columns: { migration_hash: 'text', migration_id: 'text', applied_at_utc: 'time' } },
  { tool: 'sql-migrate', columns: { id: 'text', applied_at: 'time' } },
  { tool: 'Sequelize', columns: { name: 'text' }, name: /sequelize|migration/i },
];

const TYPE_FAMILIES: Readonly<Record<string, LedgerShape['columns'][string]>> = {
  varchar: 'text',
  text: 'text',
  bpchar: 'text',
  int2: 'int',
  int4: 'int',
  int8: 'int',
  bool: 'bool',
  timestamp: 'time',
  timestamptz: 'time',
};

/**
 * Schemas in which a hosted service keeps the ledgers of its own components. Such a ledger belongs to the folder only
 * if its schema is on the search path.
 */
const SERVICE_SCHEMA_NAMES = new Set([
  'auth',
  'storage',
  'realtime',
  '_realtime',
  'supabase_functions',
  'graphql',
]);
/** Schemas in which a tool keeps its ledger regardless of the search path. */
const TOOL_SCHEMA_NAMES = new Set([
  'supabase_migrations',
  'drizzle',
  'atlas_schema_revisions',
  'graphile_migrate',
]);

export interface CandidateTable {
  readonly schema: string;
  readonly name: string;
  /** Whether unqualified names are looked up in its schema. */
  readonly onPath: boolean;
  readonly readable: boolean;
  readonly rails: boolean;
  /** Type name of each column. */
  readonly columns: Readonly<Record<string, string>>;
}

/**
 * Finds small tables with a column that one of the shapes has. OFFSET 0 forces one lookup per table, since a join
 * would read all columns of all tenants.
 */
const CANDIDATE_TABLES_SQL = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('schema', t.schema, 'name', t.name,
  'onPath', t.on_path, 'readable', t.readable, 'rails', t.rails, 'columns', t.columns)), '[]')::pg_catalog.text
FROM (SELECT n.nspname AS schema, c.relname AS name,
    n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
      OR n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AS on_path,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
    EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.relnamespace OPERATOR(pg_catalog.=) n.oid
      AND r.relname OPERATOR(pg_catalog.=) 'ar_internal_metadata'::pg_catalog.name) AS rails,
    -- A user-defined type may have any name, and its cast to text may be a user-defined function.
    (SELECT pg_catalog.json_object_agg(a.attname, CASE WHEN y.typnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace
        THEN y.typname ELSE '?' END) FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_type y ON y.oid OPERATOR(pg_catalog.=) a.atttypid
      WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2
        AND NOT a.attisdropped) AS columns
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
    AND c.relnatts OPERATOR(pg_catalog.<=) 16::pg_catalog.int2
    AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{trueup,pg_catalog,information_schema,pg_toast}'::pg_catalog.name[])
    AND ($2::pg_catalog.text IS NULL OR c.relnamespace OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT s.oid FROM pg_catalog.pg_namespace s
      WHERE s.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
        OR s.nspname OPERATOR(pg_catalog.=) ANY (${quoteTextArray([...TOOL_SCHEMA_NAMES])}::pg_catalog.name[]))))
    AND EXISTS (SELECT FROM pg_catalog.pg_attribute k WHERE k.attrelid OPERATOR(pg_catalog.=) c.oid
      AND k.attname OPERATOR(pg_catalog.=) ANY ('{version,version_id,migration_name,migration_id,hash,name,applied_at}'::pg_catalog.name[]) OFFSET 0)) t`;

function findLedgerShape({ schema, name, columns }: CandidateTable): LedgerShape | null {
  const fits = (shape: LedgerShape): boolean =>
    (shape.schema ?? schema) === schema &&
    (shape.name?.test(name) ?? true) &&
    Object.entries(shape.columns).every(
      ([column, family]) => TYPE_FAMILIES[columns[column] ?? ''] === family,
    ) &&
    (shape.more === true || Object.keys(columns).length === Object.keys(shape.columns).length);
  return LEDGER_SHAPES.find(fits) ?? null;
}

/**
 * Selects the tables that may belong to the folder: those on the search path, or in a schema where the tool always
 * keeps its ledger. A table elsewhere counts only if none of the same name is on the search path, since with
 * schema-per-tenant each tenant has its own.
 */
function filterRelevantTables(tables: readonly CandidateTable[]): CandidateTable[] {
  const known = tables.filter((table) => findLedgerShape(table) !== null);
  const here = new Set(known.filter(({ onPath }) => onPath).map(({ name }) => name));
  return known.filter(
    ({ schema, name, onPath, readable }) =>
      onPath ||
      TOOL_SCHEMA_NAMES.has(schema) ||
      (readable && !SERVICE_SCHEMA_NAMES.has(schema) && !here.has(name)),
  );
}

/** More rows than any tool's ledger has; a table with more is something else. */
const MAX_LEDGER_ROWS = 50_000;
const LOCK_WAIT_MS = 5_000;

/**
 * Reads the ledgers of other tools in this database. Takes one round trip if there are none.
 * @param options `detail` also reads the columns that show how a row was created; `ofTenant` skips other schemas,
 * which belong to other tenants of the database. @default - neither
 */
export async function readLedgersOfOtherTools(
  db: Database,
  ownerRole: string | null,
  { detail = false, ofTenant = false }: { readonly detail?: boolean; readonly ofTenant?: boolean } = {},
): Promise<ForeignLedger[]> {
  const found = await readLongText(db, CANDIDATE_TABLES_SQL, [ownerRole, ofTenant ? 'tenant' : null]);
  const tables = filterRelevantTables(JSON.parse(found ?? '[]') as CandidateTable[]);
  const ledgers: ForeignLedger[] = [];
  for (const table of tables) {
    const shape = findLedgerShape(table)!;
    const name = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
    const columns = [
      ...Object.keys(shape.columns),
      ...[...(shape.optional ?? []), ...(detail ? (shape.detail ?? []) : [])].filter(
        (column) => column in table.columns,
      ),
    ];
    const tool = shape.tool === 'dbmate' && table.rails ? 'Rails' : shape.tool;
    const read = table.readable ? await readLedgerRows(db, name, columns, table.columns) : { rows: null };
    ledgers.push({ tool, table: name, ...read });
  }
  return ledgers;
}

const makeLockedLedgerError = (table: string, cause: SqlError): TrueupError =>
  new TrueupError(
    {
      code: 'lock-timeout',
      message: `${table} looks like the ledger of another tool, and another session holds a lock on it`,
      remedy: 'Nothing was changed. Run it again when the other tool has finished.',
      sqlstate: cause.sqlstate,
    },
    { cause },
  );

async function readLedgerRows(
  db: Database,
  table: string,
  columns: readonly string[],
  types: CandidateTable['columns'],
): Promise<Pick<ForeignLedger, 'rows' | 'code'>> {
  const pairs = columns.map((column) => {
    const name = quoteIdentifier(column);
    // Arrays are read as JSON; PostgreSQL's own array syntax is not parsed here.
    const value = types[column]?.startsWith('_') ? `pg_catalog.array_to_json(${name})` : name;
    return `'${column}', ${value}::pg_catalog.text`;
  });
  const question = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(${pairs.join(', ')})), '[]')::pg_catalog.text
FROM (SELECT * FROM ${table} LIMIT ${MAX_LEDGER_ROWS}) AS t`;
  // Anybody may own a table of that shape, and to read it runs the code of its policies and indexes.
  try {
    const query = { sql: question, hold: question, settings: { lock_timeout: '500' }, waitMs: LOCK_WAIT_MS };
    const text = await readTrusted(db, query, (reads) => readLongText(reads, question, []));
    return { rows: JSON.parse(text ?? '[]') };
  } catch (error) {
    if (error instanceof UntrustedCode) return { rows: null, code: error.code };
    if (error instanceof SqlError && error.sqlstate === LOCK_NOT_AVAILABLE)
      throw makeLockedLedgerError(table, error);
    throw error;
  }
}
