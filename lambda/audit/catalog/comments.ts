import { buildIsOwnSchemaSql, type ObjectKind } from './kind';

export interface Comment {
  /**
   * Type of the commented object, as pg_identify_object names it: `table`, `table column`, `function`, `table
   * constraint`.
   */
  readonly on: string;
  /**
   * Identity of the object, as pg_identify_object writes it: `shop.customers.email`, `customers_email_check on
   * shop.customers`.
   */
  readonly object: string;
  readonly comment: string;
}

/**
 * Catalogs whose objects can have comments, each with the expressions for the object's schema and relation. Comments on
 * roles and databases are not read.
 */
const COMMENTED_CATALOGS = [
  ['pg_namespace', 'o.oid', '0'],
  ['pg_class', 'o.relnamespace', 'o.oid'],
  ['pg_proc', 'o.pronamespace', '0'],
  ['pg_type', 'o.typnamespace', 'o.typrelid'],
  ['pg_constraint', 'o.connamespace', 'o.conrelid'],
  ['pg_trigger', 'c.relnamespace', 'o.tgrelid'],
  ['pg_rewrite', 'c.relnamespace', 'o.ev_class'],
  ['pg_policy', 'c.relnamespace', 'o.polrelid'],
  ['pg_collation', 'o.collnamespace', '0'],
  ['pg_event_trigger', 'NULL::oid', '0'],
  ['pg_publication', 'NULL::oid', '0'],
  ['pg_foreign_server', 'NULL::oid', '0'],
] as const;

/**
 * First OID of an object created after initdb. Comments on objects with lower OIDs, such as the schema public or a
 * language, come from the server.
 */
const FIRST_OWN_OID = 16_384;

const buildOwnCommentsSql = ([catalog, schema, relation]: (typeof COMMENTED_CATALOGS)[number]): string => {
  const joined = schema.startsWith('c.') ? `JOIN pg_class c ON c.oid = ${relation}` : '';
  const alone = schema.startsWith('NULL');
  return `SELECT d.classoid, d.objoid, d.objsubid, d.description FROM pg_description d
    JOIN ${catalog} o ON o.oid = d.objoid ${joined} ${alone ? '' : `JOIN pg_namespace n ON n.oid = ${schema}`}
    WHERE d.classoid = '${catalog}'::regclass AND d.objoid >= ${FIRST_OWN_OID} ${alone ? '' : `AND ${buildIsOwnSchemaSql('n')}`}
      AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.deptype = 'e' AND (m.classid = d.classoid AND m.objid = d.objoid
        OR m.classid = 'pg_class'::regclass AND m.objid = ${relation} AND ${relation} <> 0))`;
};

export const comments: ObjectKind<Comment> = {
  namedBy: ['on', 'object'],
  sql: () => `SELECT i.type AS "on", i.identity AS object, c.description AS comment
  FROM (${COMMENTED_CATALOGS.map(buildOwnCommentsSql).join('\nUNION ALL\n')}) AS c
  CROSS JOIN LATERAL pg_identify_object(c.classoid, c.objoid, c.objsubid) AS i`,
};
