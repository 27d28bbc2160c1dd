import {
  buildIsOwnRelationSql,
  buildIsOwnSchemaSql,
  buildNotExtensionMemberSql,
  type ObjectKind,
} from './kind';

/**
 * One privilege of one role. Privileges that the server grants by default are left out: those of the owner, and those
 * that PUBLIC has on a new function or type.
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
  /**
   * Schema of the object. Undefined for a database, for a schema, and for default privileges that apply to every
   * schema.
   */
  readonly schema?: string;
  /** Name of the table, sequence, schema, function or type. For default privileges, the kind of object: `tables`. */
  readonly name?: string;
  readonly column?: string;
  /** Argument types of a function, see {@link Routine.signature}. */
  readonly signature?: string;
  /** For default privileges, the role whose new objects get the privilege. */
  readonly creator?: string;
  /** Role that has the privilege. `public` means PUBLIC: no role can have this name. */
  readonly grantee: string;
  readonly privilege: string;
  /** The privilege was granted WITH GRANT OPTION. */
  readonly grantable?: true;
  /** The server grants the privilege by default, and it was revoked. */
  readonly revoked?: true;
}

const PRIVILEGE_OBJECTS_SQL = `
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS "on", n.nspname AS schema, c.relname AS name,
    NULL AS column, NULL AS signature, NULL::oid AS creator, c.relowner AS owner, c.relacl AS acl,
    acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner) AS base
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relacl IS NOT NULL AND ${buildIsOwnRelationSql('r', 'p', 'v', 'm', 'f', 'S')}
  UNION ALL
  SELECT 'column', n.nspname, c.relname, a.attname, NULL, NULL, c.relowner, a.attacl, NULL
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND ${buildIsOwnRelationSql('r', 'p', 'v', 'm', 'f')}
  UNION ALL
  SELECT 'schema', NULL, n.nspname, NULL, NULL, NULL, n.nspowner, n.nspacl, acldefault('n', n.nspowner)
  FROM pg_namespace n WHERE n.nspacl IS NOT NULL AND ${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_namespace', 'n.oid')}
  UNION ALL
  SELECT 'function', n.nspname, p.proname, NULL, oidvectortypes(p.proargtypes), NULL, p.proowner, p.proacl,
    acldefault('f', p.proowner)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.proacl IS NOT NULL AND ${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_proc', 'p.oid')}
  UNION ALL
  SELECT 'type', n.nspname, t.typname, NULL, NULL, NULL, t.typowner, t.typacl, acldefault('T', t.typowner)
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typacl IS NOT NULL AND ${buildIsOwnSchemaSql('n')} AND ${buildNotExtensionMemberSql('pg_type', 't.oid')}
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
  WHERE n.oid IS NULL OR (${buildIsOwnSchemaSql('n')})`;

/** Several grantors may have granted the same privilege. */
const buildEachPrivilegeSql = (acl: string): string =>
  `(SELECT grantee, privilege_type AS privilege, bool_or(is_grantable) AS grantable
    FROM aclexplode(${acl}) GROUP BY grantee, privilege_type)`;

export const grants: ObjectKind<Grant> = {
  namedBy: ['on', 'schema', 'name', 'signature', 'column', 'creator', 'grantee', 'privilege'],
  sql: () => `SELECT o."on", o.schema, o.name, o.column, o.signature, pg_get_userbyid(o.creator) AS creator,
    CASE g.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(g.grantee)::text END AS grantee, g.privilege,
    coalesce(g.grantable, false) AS grantable, g.revoked
  FROM (${PRIVILEGE_OBJECTS_SQL}) AS o
  CROSS JOIN LATERAL (
    SELECT coalesce(a.grantee, b.grantee) AS grantee, coalesce(a.privilege, b.privilege) AS privilege, a.grantable,
      a.grantee IS NULL AS revoked
    FROM ${buildEachPrivilegeSql('o.acl')} AS a FULL JOIN ${buildEachPrivilegeSql('o.base')} AS b ON a.grantee = b.grantee AND a.privilege = b.privilege
    WHERE a.grantee IS NULL OR b.grantee IS NULL OR a.grantable IS DISTINCT FROM b.grantable) AS g
  WHERE g.grantee <> o.owner`,
};
