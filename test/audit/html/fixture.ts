/** What a page is made of, without a server. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { Difference } from '../../../lambda/audit/compare/difference';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { AuditReport } from '../../../lib/audit/audit';
import type { ReportInput } from '../../../lib/audit/html/input';
import { NO_REPAIRS, type Repairs } from '../../../lib/audit/html/repairs';
import type { Snapshot } from '../../../lib/audit/snapshot';

export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
  readonly primary?: readonly string[];
  /** Column to the table that it refers to. */
  readonly keys?: Readonly<Record<string, string>>;
}

export function catalogOf(tables: readonly TableShape[]): Catalog {
  const schema = 'public';
  const key = (table: string) => ({ schema, table, definition: '' });
  const empty = {
    settings: [],
    extensions: [],
    collations: [],
    types: [],
    sequences: [],
    indexes: [],
    views: [],
  };
  return {
    ...empty,
    functions: [],
    triggers: [],
    rules: [],
    policies: [],
    eventTriggers: [],
    publications: [],
    subscriptions: [],
    foreignServers: [],
    roles: [],
    grants: [],
    comments: [],
    others: [],
    database: [
      {
        name: 'shop',
        serverVersion: '18.4',
        serverVersionNumber: 180004,
        encoding: 'UTF8',
        collate: 'C',
        ctype: 'C',
      },
    ],
    schemas: [{ name: schema }],
    tables: tables.map(({ name }) => ({ schema, name, kind: 'table' as const })),
    columns: tables.flatMap(({ name: table, columns }) =>
      columns.map((name) => ({ schema, table, name, type: 'bigint' })),
    ),
    constraints: tables.flatMap(({ name, primary, keys = {} }) => [
      ...(primary
        ? [{ ...key(name), name: `${name}_pkey`, type: 'primary key' as const, columns: primary }]
        : []),
      ...Object.entries(keys).map(([column, to]) => ({
        ...key(name),
        name: `${name}_${column}_fkey`,
        type: 'foreign key' as const,
        columns: [column],
        references: { schema, table: to, columns: ['id'] },
      })),
    ]),
  };
}

const snapshotOf = (catalog: Catalog): Snapshot => ({
  taken: {
    at: '2026-03-01T09:00:00.000Z',
    version: '0.1.0',
    role: 'app',
    ms: { catalog: 1, workload: 1, sequenceValues: 1, rows: 1 },
  },
  catalog,
  sequenceValues: [],
  rows: [],
  workload: [],
  notChecked: [],
});

export const finding = (change: Partial<AuditFinding> = {}): AuditFinding => ({
  id: 'missing-index',
  confidence: 'B',
  object: 'public.orders',
  message: 'Index by_customer on public.orders (customer) is missing.',
  evidence: ['in the source: CREATE INDEX by_customer ON public.orders USING btree (customer)'],
  fix: null,
  ...change,
});

/** By the names in `fix`. */
export const repairsFrom = (files: Readonly<Record<string, string>>): Repairs => ({
  ...NO_REPAIRS,
  files: new Map(Object.entries(files)),
  findFile: ({ fix }) => fix,
});

export const SHOP: readonly TableShape[] = [
  { name: 'customers', columns: ['id', 'email'], primary: ['id'] },
  { name: 'orders', columns: ['id', 'customer', 'status'], primary: ['id'], keys: { customer: 'customers' } },
];

interface Change {
  readonly report?: Partial<AuditReport>;
  readonly target?: readonly TableShape[];
  readonly source?: readonly TableShape[] | null;
  readonly differences?: readonly Difference[];
  readonly input?: Partial<ReportInput>;
}

export function inputOf({
  report,
  target = SHOP,
  source = SHOP,
  differences = [],
  input,
}: Change = {}): ReportInput {
  return {
    report: {
      findings: [],
      notChecked: [],
      suppressed: [],
      obsolete: [],
      hidden: 0,
      coverage: { checks: 52, tables: 2, objects: 9, compared: source ? 9 : null, statements: 0, decided: 0 },
      ...report,
    },
    compared: {
      target: snapshotOf(catalogOf(target)),
      source: source && snapshotOf(catalogOf(source)),
      differences,
      repairs: new Map(),
    },
    where: 'app@db:5432/shop',
    from: source ? 'shop.json' : null,
    minConfidence: 'C',
    repairs: NO_REPAIRS,
    ...input,
  };
}

/** As a mover leaves a database that had `count / 4` tables, each with a key to the one before. */
export function manyFindings(count: number): ReportInput {
  const source = Array.from(
    { length: count / 4 },
    (_, i): TableShape => ({
      name: `table_${i}`,
      columns: ['id', 'before', 'name'],
      primary: ['id'],
      keys: i > 0 ? { before: `table_${i - 1}` } : {},
    }),
  );
  const findings = source.flatMap(({ name }) => [
    finding({ object: `public.${name}` }),
    finding({ object: `public.${name}.id`, id: 'missing-primary-key-default' }),
    finding({ object: `public.${name}.before`, id: 'missing-foreign-key' }),
    finding({ object: `public.${name}.name`, id: 'missing-default' }),
  ]);
  return inputOf({ source, target: source.map((each) => ({ ...each, keys: {} })), report: { findings } });
}
