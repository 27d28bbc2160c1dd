import { type Kind, OWN_RELATION, type Reference } from './kind';

/** Of a table or view; those of partitions that repeat the one of their table are left out. */
export interface Trigger {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** CREATE TRIGGER, as the server writes it. */
  readonly definition: string;
  readonly function: Reference;
  /** @default - when the session is no replica */
  readonly fires?: 'never' | 'on a replica' | 'always';
}

export const FIRES = (enabled: string): string =>
  `CASE ${enabled} WHEN 'D' THEN 'never' WHEN 'R' THEN 'on a replica' WHEN 'A' THEN 'always' END AS fires`;

export const triggers: Kind<Trigger> = {
  namedBy: ['schema', 'table', 'name'],
  always: ['definition'],
  sql: () => `SELECT n.nspname AS schema, c.relname AS table, t.tgname AS name, pg_get_triggerdef(t.oid) AS definition,
    json_build_object('schema', fn.nspname, 'name', f.proname) AS function, ${FIRES('t.tgenabled')}
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc f ON f.oid = t.tgfoid
  JOIN pg_namespace fn ON fn.oid = f.pronamespace
  WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND ${OWN_RELATION('r', 'p', 'v', 'f')}`,
};
