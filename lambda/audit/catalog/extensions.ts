import type { ObjectKind } from './kind';

export interface Extension {
  readonly name: string;
  readonly version: string;
  /** Schema of the extension's objects. Some extensions can be installed in one schema only. */
  readonly schema: string;
  /** Names of its functions and types, sorted. If the extension is missing, they tell what fails because of that. */
  readonly provides?: readonly string[];
}

export const extensions: ObjectKind<Extension> = {
  namedBy: ['name'],
  sql: () => `SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema,
      (SELECT array_agg(m.name ORDER BY m.name COLLATE "C") FROM (
        SELECT p.proname::text AS name FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
          AND d.classid = 'pg_proc'::regclass
        UNION
        SELECT t.typname::text FROM pg_depend d JOIN pg_type t ON t.oid = d.objid AND t.typelem = 0
        WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
          AND d.classid = 'pg_type'::regclass) AS m) AS provides
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,
};
