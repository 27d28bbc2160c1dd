import { type Kind, OWN_SCHEMA } from './kind';

export interface Comment {
  /** As the server says it: `table`, `table column`, `function`, `table constraint`. */
  readonly on: string;
  /** As the server writes it: `shop.customers.email`, `customers_email_check on shop.customers`. */
  readonly object: string;
  readonly comment: string;
}

/** Catalogues of what may have one, by the schema and the relation that they lead to. Roles and databases are not asked. */
const COMMENTED = [
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

/** A comment on the schema public, or on the language of a new database, is the server's own. */
const FIRST_OWN_OID = 16_384;

const own = ([catalogue, schema, relation]: (typeof COMMENTED)[number]): string => {
  const joined = schema.startsWith('c.') ? `JOIN pg_class c ON c.oid = ${relation}` : '';
  const alone = schema.startsWith('NULL');
  return `SELECT d.classoid, d.objoid, d.objsubid, d.description FROM pg_description d
    JOIN ${catalogue} o ON o.oid = d.objoid ${joined} ${alone ? '' : `JOIN pg_namespace n ON n.oid = ${schema}`}
    WHERE d.classoid = '${catalogue}'::regclass AND d.objoid >= ${FIRST_OWN_OID} ${alone ? '' : `AND ${OWN_SCHEMA('n')}`}
      AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.deptype = 'e' AND (m.classid = d.classoid AND m.objid = d.objoid
        OR m.classid = 'pg_class'::regclass AND m.objid = ${relation} AND ${relation} <> 0))`;
};

export const comments: Kind<Comment> = {
  namedBy: ['on', 'object'],
  sql: () => `SELECT i.type AS "on", i.identity AS object, c.description AS comment
  FROM (${COMMENTED.map(own).join('\nUNION ALL\n')}) AS c
  CROSS JOIN LATERAL pg_identify_object(c.classoid, c.objoid, c.objsubid) AS i`,
};
