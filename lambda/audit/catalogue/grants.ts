import { type Kind, NO_MEMBER, OWN_RELATION, OWN_SCHEMA } from './kind';

/**
 * One privilege of one role, where it is not what the server gives by itself: an owner's own rights, and those that
 * everybody has of a new function or type, are left out.
 */
export interface Grant {
  readonly on:
    | 'table'
    | 'sequence'
    | 'column'
    | 'schema'
    | 'function'
    | 'type'
    | 'database'
    | 'default privileges';
  /** None of a database, of a schema, and of default privileges that hold for every schema. */
  readonly schema?: string;
  /** Of the table, sequence, schema, function or type; of default privileges the kind of object: `tables`. */
  readonly name?: string;
  readonly column?: string;
  /** Of a function, as {@link Routine.signature}. */
  readonly signature?: string;
  /** Of default privileges: whose new objects get them. */
  readonly creator?: string;
  /** `public` is everybody: no role can have this name. */
  readonly grantee: string;
  readonly privilege: string;
  /** WITH GRANT OPTION */
  readonly grantable?: true;
  /** The server gives it by itself, and it was taken away. */
  readonly revoked?: true;
}

const OBJECTS = `
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS "on", n.nspname AS schema, c.relname AS name,
    NULL AS column, NULL AS signature, NULL::oid AS creator, c.relowner AS owner, c.relacl AS acl,
    acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner) AS base
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relacl IS NOT NULL AND ${OWN_RELATION('r', 'p', 'v', 'm', 'f', 'S')}
  UNION ALL
  SELECT 'column', n.nspname, c.relname, a.attname, NULL, NULL, c.relowner, a.attacl, NULL
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND ${OWN_RELATION('r', 'p', 'v', 'm', 'f')}
  UNION ALL
  SELECT 'schema', NULL, n.nspname, NULL, NULL, NULL, n.nspowner, n.nspacl, acldefault('n', n.nspowner)
  FROM pg_namespace n WHERE n.nspacl IS NOT NULL AND ${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_namespace', 'n.oid')}
  UNION ALL
  SELECT 'function', n.nspname, p.proname, NULL, oidvectortypes(p.proargtypes), NULL, p.proowner, p.proacl,
    acldefault('f', p.proowner)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.proacl IS NOT NULL AND ${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_proc', 'p.oid')}
  UNION ALL
  SELECT 'type', n.nspname, t.typname, NULL, NULL, NULL, t.typowner, t.typacl, acldefault('T', t.typowner)
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typacl IS NOT NULL AND ${OWN_SCHEMA('n')} AND ${NO_MEMBER('pg_type', 't.oid')}
  UNION ALL
  SELECT 'database', NULL, NULL, NULL, NULL, NULL, d.datdba, d.datacl, acldefault('d', d.datdba)
  FROM pg_database d WHERE d.datacl IS NOT NULL AND d.datname = current_database()
  UNION ALL
  SELECT 'default privileges', n.nspname, CASE a.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
      WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE a.defaclobjtype::text END,
    NULL, NULL, a.defaclrole, a.defaclrole, a.defaclacl,
    -- Those of one schema come on top of what there is anyway.
    CASE WHEN a.defaclnamespace <> 0 OR a.defaclobjtype NOT IN ('r', 'S', 'f', 'T', 'n') THEN NULL
      ELSE acldefault(CASE a.defaclobjtype WHEN 'S' THEN 's' ELSE a.defaclobjtype END, a.defaclrole) END
  FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace
  WHERE n.oid IS NULL OR (${OWN_SCHEMA('n')})`;

/** The same privilege may come from several grantors. */
const EACH = (acl: string): string =>
  `(SELECT grantee, privilege_type AS privilege, bool_or(is_grantable) AS grantable
    FROM aclexplode(${acl}) GROUP BY grantee, privilege_type)`;

export const grants: Kind<Grant> = {
  namedBy: ['on', 'schema', 'name', 'signature', 'column', 'creator', 'grantee', 'privilege'],
  sql: () => `SELECT o."on", o.schema, o.name, o.column, o.signature, pg_get_userbyid(o.creator) AS creator,
    CASE g.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee)::text END AS grantee, g.privilege,
    coalesce(g.grantable, false) AS grantable, g.revoked
  FROM (${OBJECTS}) AS o
  CROSS JOIN LATERAL (
    SELECT coalesce(a.grantee, b.grantee) AS grantee, coalesce(a.privilege, b.privilege) AS privilege, a.grantable,
      a.grantee IS NULL AS revoked
    FROM ${EACH('o.acl')} AS a FULL JOIN ${EACH('o.base')} AS b ON a.grantee = b.grantee AND a.privilege = b.privilege
    WHERE a.grantee IS NULL OR b.grantee IS NULL OR a.grantable IS DISTINCT FROM b.grantable) AS g
  WHERE g.grantee <> o.owner`,
};
