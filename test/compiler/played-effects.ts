/** Effects carried out on a model of the catalog, and the same things read from a server. */
import type { Client } from 'pg';
import type { Effect, ObjectName } from '../../lambda/contract/effects';

interface Table {
  name: string;
  columns: Map<string, { type: string; notNull: boolean; default: boolean }>;
  indexes: {
    name: string | null;
    keys: string[];
    unique: boolean;
    primary: boolean;
    partial: boolean;
    deferrable: boolean;
  }[];
  constraints: {
    name: string | null;
    kind: 'f' | 'c';
    columns: string[];
    to: string | null;
    validated: boolean;
  }[];
}

const nameOf = ({ schema, name }: ObjectName): string => `${schema ?? 'public'}.${name}`;

export class Played {
  private readonly known = new Map<string, Table>();

  readonly play = (effect: Effect): void => {
    const { known } = this;
    if (effect.kind === 'rename table') {
      const [from, to] = [
        nameOf(effect.from),
        nameOf({ ...effect.to, schema: effect.to.schema ?? effect.from.schema }),
      ];
      known.set(to, { ...known.get(from)!, name: to });
      known.delete(from);
    } else if (effect.kind === 'rename index') {
      for (const index of this.indexes()) if (index.name === effect.from.name) index.name = effect.to.name;
    } else if (effect.kind === 'drop index') {
      for (const table of known.values())
        table.indexes = table.indexes.filter(({ name }) => name !== effect.index.name);
    } else if ('table' in effect) this.onTable(effect, nameOf(effect.table));
  };

  private onTable(effect: Extract<Effect, { table: ObjectName }>, name: string): void {
    if (effect.kind === 'table')
      this.known.set(name, { name, columns: new Map(), indexes: [], constraints: [] });
    const table = this.known.get(name)!;
    const column = (of: string) => {
      const found = table.columns.get(of) ?? { type: '', notNull: false, default: false };
      table.columns.set(of, found);
      return found;
    };
    switch (effect.kind) {
      case 'drop table':
        this.known.delete(name);
        break;
      case 'column type':
        column(effect.column).type = effect.type;
        break;
      case 'default':
      case 'drop default':
        column(effect.column).default = effect.kind === 'default';
        break;
      case 'set not null':
      case 'drop not null':
        column(effect.column).notNull = effect.kind === 'set not null';
        break;
      case 'drop column':
        table.columns.delete(effect.column);
        break;
      case 'rename column': {
        table.columns.set(effect.to, column(effect.from));
        table.columns.delete(effect.from);
        break;
      }
      case 'index': {
        const { name, unique, primary, predicate, deferrable } = effect;
        const keys = effect.keys.map((key) => ('column' in key ? key.column : key.expression));
        table.indexes.push({ name, keys, unique, primary, partial: predicate !== null, deferrable });
        break;
      }
      case 'index as constraint': {
        const index = table.indexes.find(({ name }) => name === effect.index)!;
        Object.assign(index, {
          name: effect.name ?? index.name,
          primary: effect.primary,
          deferrable: effect.deferrable,
        });
        break;
      }
      case 'foreign key':
      case 'check': {
        const key = effect.kind === 'foreign key';
        table.constraints.push({
          name: effect.name,
          kind: key ? 'f' : 'c',
          columns: key ? [...effect.columns] : [],
          to: key ? nameOf(effect.references) : null,
          validated: effect.validated,
        });
        break;
      }
      case 'validate constraint':
        for (const each of table.constraints) if (each.name === effect.name) each.validated = true;
        break;
      case 'rename constraint':
        for (const each of table.constraints) if (each.name === effect.from) each.name = effect.to;
        break;
      case 'drop constraint':
        table.constraints = table.constraints.filter(({ name }) => name !== effect.name);
        table.indexes = table.indexes.filter(({ name }) => name !== effect.name);
    }
  }

  private indexes = () => [...this.known.values()].flatMap(({ indexes }) => indexes);

  /** By name, in one order; names that PostgreSQL chose count as null on both sides. */
  tables(): object[] {
    return [...this.known.values()].map(inOrder).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async read(client: Client): Promise<object[]> {
    const named = new Set([
      ...this.indexes().map(({ name }) => name),
      ...[...this.known.values()].flatMap(({ constraints }) => constraints.map(({ name }) => name)),
    ]);
    const tables: Table[] = [];
    for (const { oid, name } of await rows<{ oid: number; name: string }>(client, TABLES)) {
      const columns = await rows<{ name: string; type: string; not_null: boolean; default: boolean }>(
        client,
        COLUMNS,
        oid,
      );
      const indexes = await rows<Table['indexes'][number]>(client, INDEXES, oid);
      const constraints = await rows<Table['constraints'][number]>(client, CONSTRAINTS, oid);
      const chosen = <T extends { name: string | null }>(each: T): T => ({
        ...each,
        name: named.has(each.name) ? each.name : null,
      });
      tables.push({
        name,
        columns: new Map(
          columns.map(({ name, type, not_null, ...rest }) => [name, { type, notNull: not_null, ...rest }]),
        ),
        indexes: indexes.map(chosen),
        constraints: constraints.map(chosen),
      });
    }
    // What CREATE TABLE AS makes of its query is nobody's to know.
    for (const table of tables) if (this.known.get(table.name)?.columns.size === 0) table.columns.clear();
    return tables.map(inOrder).sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

const byText = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

const inOrder = ({ name, columns, indexes, constraints }: Table) => ({
  name,
  columns: [...columns].sort(([a], [b]) => (a < b ? -1 : 1)),
  indexes: indexes
    .map(({ name, keys, unique, primary, partial, deferrable }) => ({
      name,
      keys,
      unique,
      primary,
      partial,
      deferrable,
    }))
    .sort(byText),
  constraints: constraints
    .map(({ name, kind, columns, to, validated }) => ({ name, kind, columns, to, validated }))
    .sort(byText),
});

const rows = async <T extends object>(client: Client, sql: string, oid?: number): Promise<T[]> =>
  (await client.query<T>(sql, oid === undefined ? [] : [oid])).rows;

const TABLES = `SELECT c.oid, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname IN ('public', 'other')`;
const COLUMNS = `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS not_null,
  (atthasdef OR attidentity <> '') AND attgenerated = '' AS default
  FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped`;
const INDEXES = `SELECT c.relname AS name, i.indisunique AND NOT i.indisexclusion AS unique, i.indisprimary AS primary,
  i.indpred IS NOT NULL AS partial, NOT i.indimmediate AS deferrable,
  ARRAY(SELECT coalesce(a.attname::text, pg_get_indexdef(i.indexrelid, k.ord::int, true))
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, ord)
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 ORDER BY ord) AS keys
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1`;
const CONSTRAINTS = `SELECT conname AS name, contype::text AS kind, convalidated AS validated,
  CASE WHEN contype = 'f' THEN ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY k (n, ord)
    JOIN pg_attribute ON attrelid = conrelid AND attnum = n ORDER BY ord) ELSE '{}' END AS columns,
  CASE WHEN contype = 'f' THEN (SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = confrelid) END AS to
  FROM pg_constraint WHERE conrelid = $1 AND contype IN ('f', 'c')`;
