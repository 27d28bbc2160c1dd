import { buildIsOwnSchemaSql, buildNotExtensionMemberSql, buildOwnerSql, type ObjectKind } from './kind';

/** A type made by CREATE TYPE or CREATE DOMAIN. Row types of tables and array types are not included. */
export interface DataType {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'enum' | 'domain' | 'composite' | 'range';
  /** Labels of an enum, in order. */
  readonly labels?: readonly string[];
  /** Base type of a domain: `character varying(20)`. */
  readonly base?: string;
  readonly notNull?: true;
  /** Default expression of a domain. */
  readonly default?: string;
  /** CHECK constraints of a domain, sorted by name. */
  readonly checks?: readonly { readonly name: string; readonly definition: string }[];
  /** Collation of a range, or of a domain if it differs from its base type's: `"de-x-icu"`. */
  readonly collation?: string;
  /** Attributes of a composite type, in order. */
  readonly attributes?: readonly { readonly name: string; readonly type: string }[];
  /** Subtype of a range. */
  readonly subtype?: string;
  /**
   * Owner of the type.
   * @default - the owner of the database
   */
  readonly owner?: string;
}

/** Each label of an enum is a row of pg_enum. */
const ENUM_LABELS_SQL = `(SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)`;

const DOMAIN_CHECKS_SQL = `(SELECT json_agg(json_build_object('name', con.conname, 'definition', pg_get_constraintdef(con.oid))
    ORDER BY con.conname) FROM pg_constraint con WHERE con.contypid = t.oid AND con.contype = 'c')`;

const COMPOSITE_ATTRIBUTES_SQL = `(SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
    ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)`;

export const types: ObjectKind<DataType> = {
  namedBy: ['schema', 'name'],
  sql: () => `SELECT n.nspname AS schema, t.typname AS name,
    CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' ELSE 'range' END AS kind,
    CASE t.typtype WHEN 'e' THEN ${ENUM_LABELS_SQL} END AS labels,
    CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
    t.typnotnull AS "notNull", pg_get_expr(t.typdefaultbin, 0) AS default,
    CASE t.typtype WHEN 'd' THEN ${DOMAIN_CHECKS_SQL} END AS checks,
    CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text
      WHEN t.typtype = 'r' AND r.rngcollation NOT IN (0, 100) THEN r.rngcollation::regcollation::text END AS collation,
    CASE t.typtype WHEN 'c' THEN ${COMPOSITE_ATTRIBUTES_SQL} END AS attributes,
    format_type(r.rngsubtype, NULL) AS subtype, ${buildOwnerSql('t.typowner')}
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_range r ON r.rngtypid = t.oid
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
    AND ${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_type', 't.oid')}`,
};
