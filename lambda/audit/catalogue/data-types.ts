import { type Kind, NO_MEMBER, OWN_SCHEMA } from './kind';

/** Made by CREATE TYPE or CREATE DOMAIN; not the row type of a table, nor an array. */
export interface DataType {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'enum' | 'domain' | 'composite' | 'range';
  /** Of an enum, in order. */
  readonly labels?: readonly string[];
  /** Of a domain: `character varying(20)`. */
  readonly base?: string;
  readonly notNull?: true;
  /** Of a domain: an expression. */
  readonly default?: string;
  /** Of a domain: its CHECKs by name. */
  readonly checks?: readonly { readonly name: string; readonly definition: string }[];
  /** `"de-x-icu"`; of a domain where it is not that of its base. */
  readonly collation?: string;
  /** Of a composite, in order. */
  readonly attributes?: readonly { readonly name: string; readonly type: string }[];
  /** Of a range. */
  readonly subtype?: string;
}

/** An enum's are one row of its catalogue each. */
const LABELS = `(SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)`;

const CHECKS = `(SELECT json_agg(json_build_object('name', con.conname, 'definition', pg_get_constraintdef(con.oid))
    ORDER BY con.conname) FROM pg_constraint con WHERE con.contypid = t.oid AND con.contype = 'c')`;

const ATTRIBUTES = `(SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
    ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)`;

export const types: Kind<DataType> = {
  namedBy: ['schema', 'name'],
  sql: () => `SELECT n.nspname AS schema, t.typname AS name,
    CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' ELSE 'range' END AS kind,
    CASE t.typtype WHEN 'e' THEN ${LABELS} END AS labels,
    CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,
    t.typnotnull AS "notNull", pg_get_expr(t.typdefaultbin, 0) AS default,
    CASE t.typtype WHEN 'd' THEN ${CHECKS} END AS checks,
    CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text
      WHEN t.typtype = 'r' AND r.rngcollation NOT IN (0, 100) THEN r.rngcollation::regcollation::text END AS collation,
    CASE t.typtype WHEN 'c' THEN ${ATTRIBUTES} END AS attributes,
    format_type(r.rngsubtype, NULL) AS subtype
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_range r ON r.rngtypid = t.oid
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
    AND ${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_type', 't.oid')}`,
};
