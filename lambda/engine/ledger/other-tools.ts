/**
 * Ledgers of other migration tools, read from the database: recognized by their columns, since every tool's table can be
 * called what one likes, and others' tables are called `schema_migrations` and `migrations` too.
 */
import type { Database } from '../../postgres/database';
import { readLongText } from '../../postgres/long-text';
import { quoteIdentifier, quoteTextArray } from '../../sql/quote';

/** What a row says of one file, as far as the tool keeps it. Which of these names a file is the tool's own rule. */
export type Tool =
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

export interface OtherLedger {
  readonly tool: Tool;
  /** Quoted, with its schema. */
  readonly table: string;
  /** Null where the login role may not read it. */
  readonly rows: readonly Readonly<Record<string, string | null>>[] | null;
}

interface Shape {
  readonly tool: Tool;
  /** Columns that it has, and the family of their types. */
  readonly columns: Readonly<Record<string, 'text' | 'int' | 'bool' | 'time'>>;
  /** It may have others beside them. @default false */
  readonly more?: boolean;
  /** Where the columns are too common. @default - any */
  readonly name?: RegExp;
  readonly schema?: string;
  /** Also read where they are there. */
  readonly optional?: readonly string[];
  /** Read only for who takes the folder over: what tells a row that was only marked, or a file edited since. */
  readonly detail?: readonly string[];
}

/** The first that fits. */
const SHAPES: readonly Shape[] = [
  {
    tool: 'Supabase',
    schema: 'supabase_migrations',
    name: /^schema_migrations$/,
    columns: { version: 'text' },
    more: true,
    detail: ['statements'],
  },
  { tool: 'dbmate', columns: { version: 'text' } },
  // A number alone is anybody's: the name is tern's own choice.
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

const FAMILIES: Readonly<Record<string, Shape['columns'][string]>> = {
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

/** Schemas in which a hosted service keeps the ledgers of its own parts; only a search path makes one the folder's. */
const OF_SERVICES = new Set(['auth', 'storage', 'realtime', '_realtime', 'supabase_functions', 'graphql']);
/** Where a tool keeps its ledger whatever the search path. */
const OF_TOOLS = new Set(['supabase_migrations', 'drizzle', 'atlas_schema_revisions', 'graphile_migrate']);

export interface FoundTable {
  readonly schema: string;
  readonly name: string;
  /** Unqualified names are looked up there. */
  readonly onPath: boolean;
  readonly readable: boolean;
  readonly rails: boolean;
  /** Type of each column, by its name. */
  readonly columns: Readonly<Record<string, string>>;
}

/** Small tables with a column that one of the shapes has. OFFSET: looked up for each, since a join would read all columns of all tenants. */
const CANDIDATES = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('schema', t.schema, 'name', t.name,
  'onPath', t.on_path, 'readable', t.readable, 'rails', t.rails, 'columns', t.columns)), '[]')::pg_catalog.text
FROM (SELECT n.nspname AS schema, c.relname AS name,
    n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
      OR n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AS on_path,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
    EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.relnamespace OPERATOR(pg_catalog.=) n.oid
      AND r.relname OPERATOR(pg_catalog.=) 'ar_internal_metadata'::pg_catalog.name) AS rails,
    (SELECT pg_catalog.json_object_agg(a.attname, y.typname) FROM pg_catalog.pg_attribute a
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
        OR s.nspname OPERATOR(pg_catalog.=) ANY (${quoteTextArray([...OF_TOOLS])}::pg_catalog.name[]))))
    AND EXISTS (SELECT FROM pg_catalog.pg_attribute k WHERE k.attrelid OPERATOR(pg_catalog.=) c.oid
      AND k.attname OPERATOR(pg_catalog.=) ANY ('{version,version_id,migration_name,migration_id,hash,name,applied_at}'::pg_catalog.name[]) OFFSET 0)) t`;

export function shapeOf({ schema, name, columns }: FoundTable): Shape | null {
  const fits = (shape: Shape): boolean =>
    (shape.schema ?? schema) === schema &&
    (shape.name?.test(name) ?? true) &&
    Object.entries(shape.columns).every(([column, family]) => FAMILIES[columns[column] ?? ''] === family) &&
    (shape.more === true || Object.keys(columns).length === Object.keys(shape.columns).length);
  return SHAPES.find(fits) ?? null;
}

/**
 * Tables that may be about the folder: on the search path, or where the tool always keeps it. One elsewhere counts only
 * when there is none of its name on the path: with a schema a tenant, each has its own.
 */
export function relevant(tables: readonly FoundTable[]): FoundTable[] {
  const known = tables.filter((table) => shapeOf(table) !== null);
  const here = new Set(known.filter(({ onPath }) => onPath).map(({ name }) => name));
  return known.filter(
    ({ schema, name, onPath, readable }) =>
      onPath || OF_TOOLS.has(schema) || (readable && !OF_SERVICES.has(schema) && !here.has(name)),
  );
}

/** No tool's ledger has more; a table that has is something else. */
const MOST_ROWS = 50_000;

/**
 * The ledgers of other tools in this database; one round trip where there is none.
 * @param options `detail`: also what says how a row came about; `ofTenant`: not those of other schemas, which are other
 * tenants' of one database. @default - neither
 */
export async function readOtherLedgers(
  db: Database,
  ownerRole: string | null,
  { detail = false, ofTenant = false }: { readonly detail?: boolean; readonly ofTenant?: boolean } = {},
): Promise<OtherLedger[]> {
  const found = await readLongText(db, CANDIDATES, [ownerRole, ofTenant ? 'tenant' : null]);
  const tables = relevant(JSON.parse(found ?? '[]') as FoundTable[]);
  const ledgers: OtherLedger[] = [];
  for (const table of tables) {
    const shape = shapeOf(table)!;
    const name = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
    const columns = [
      ...Object.keys(shape.columns),
      ...[...(shape.optional ?? []), ...(detail ? (shape.detail ?? []) : [])].filter(
        (column) => column in table.columns,
      ),
    ];
    const rows = table.readable ? await readRows(db, name, columns, table.columns) : null;
    ledgers.push({ tool: shape.tool === 'dbmate' && table.rails ? 'Rails' : shape.tool, table: name, rows });
  }
  return ledgers;
}

async function readRows(
  db: Database,
  table: string,
  columns: readonly string[],
  types: FoundTable['columns'],
): Promise<OtherLedger['rows']> {
  const pairs = columns.map((column) => {
    const name = quoteIdentifier(column);
    // An array as JSON: its own form is for the server alone.
    const value = types[column]?.startsWith('_') ? `pg_catalog.array_to_json(${name})` : name;
    return `'${column}', ${value}::pg_catalog.text`;
  });
  const text = await readLongText(
    db,
    `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(${pairs.join(', ')})), '[]')::pg_catalog.text
FROM (SELECT * FROM ${table} LIMIT ${MOST_ROWS}) AS t`,
    [],
  );
  return JSON.parse(text ?? '[]');
}
