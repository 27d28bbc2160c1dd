import { buildIsOwnRelationSql, type ObjectKind, type Reference } from './kind';

/** A trigger of a table or view. Clones of a partitioned table's trigger on its partitions are left out. */
export interface Trigger {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** CREATE TRIGGER, as the server writes it. */
  readonly definition: string;
  readonly function: Reference;
  /**
   * When the trigger fires.
   * @default - unless session_replication_role is replica
   */
  readonly fires?: 'never' | 'on a replica' | 'always';
}

export const buildFiresSql = (enabled: string): string =>
  `CASE ${enabled} WHEN 'D' THEN 'never' WHEN 'R' THEN 'on a replica' WHEN 'A' THEN 'always' END AS fires`;

export const triggers: ObjectKind<Trigger> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition'],
  sql: () => `SELECT n.nspname AS schema, c.relname AS table, t.tgname AS name, pg_get_triggerdef(t.oid) AS definition,
    json_build_object('schema', fn.nspname, 'name', f.proname) AS function, ${buildFiresSql('t.tgenabled')}
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc f ON f.oid = t.tgfoid
  JOIN pg_namespace fn ON fn.oid = f.pronamespace
  WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND ${buildIsOwnRelationSql('r', 'p', 'v', 'f')}`,
};
