import { buildForeignOptionsSql, buildIsOwnRelationSql, type ObjectKind, type Reference } from './kind';

/** A column of a table. The columns of one table are listed in the table's order. */
export interface Column {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** Type as format_type writes it: `character varying(20)`, `shop.mood`. */
  readonly type: string;
  readonly notNull?: true;
  /** The NOT NULL constraint is NOT VALID (PostgreSQL 18), so existing rows may still hold NULL. */
  readonly notNullNotValid?: true;
  /** Default expression. */
  readonly default?: string;
  readonly identity?: 'always' | 'by default';
  /** Expression of a generated column. */
  readonly generated?: string;
  /** The column is generated when it is read, not when it is written (PostgreSQL 18). */
  readonly virtual?: true;
  /**
   * Collation of the column.
   * @default - the collation of the type
   */
  readonly collation?: Reference;
  /** The table has the column only because a parent has it. */
  readonly inherited?: true;
  /** Options of a column of a foreign table, see {@link Table.serverOptions}. */
  readonly serverOptions?: readonly string[];
}

export const columns: ObjectKind<Column> = {
  namedBy: ['schema', 'table', 'name'],
  inOrderOf: ['schema', 'table'],
  always: ['type'],
  sql: (major) => `SELECT n.nspname AS schema, c.relname AS table, a.attname AS name,
    format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
    ${
      major >= 18
        ? `a.attnotnull AND EXISTS (SELECT FROM pg_constraint nn WHERE nn.conrelid = c.oid AND nn.contype = 'n'
            AND nn.conkey = ARRAY[a.attnum] AND NOT nn.convalidated) AS "notNullNotValid",`
        : ''
    }
    CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
    CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
    CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generated,
    a.attgenerated = 'v' AS virtual,
    CASE WHEN a.attcollation <> t.typcollation THEN
      (SELECT json_build_object('schema', ln.nspname, 'name', l.collname)
       FROM pg_collation l JOIN pg_namespace ln ON ln.oid = l.collnamespace WHERE l.oid = a.attcollation) END AS collation,
    NOT a.attislocal AS inherited,
    CASE WHEN c.relkind = 'f' THEN ${buildForeignOptionsSql('a.attfdwoptions')} END AS "serverOptions"
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE ${buildIsOwnRelationSql('r', 'p', 'f')}
  ORDER BY c.oid, a.attnum`,
};
