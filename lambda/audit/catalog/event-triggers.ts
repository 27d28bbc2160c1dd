import { buildNotExtensionMemberSql, buildSortedSql, type ObjectKind, type Reference } from './kind';
import { buildFiresSql, type Trigger } from './triggers';

/** An event trigger. It applies to the whole database. */
export interface EventTrigger {
  readonly name: string;
  /** Event that fires the trigger: `ddl_command_end`. */
  readonly event: string;
  /**
   * Commands that the trigger fires for, sorted.
   * @default - all
   */
  readonly tags?: readonly string[];
  readonly function: Reference;
  readonly fires?: Trigger['fires'];
}

export const eventTriggers: ObjectKind<EventTrigger> = {
  namedBy: ['name'],
  always: ['event', 'function'],
  sql: () => `SELECT t.evtname AS name, t.evtevent AS event, ${buildSortedSql('t.evttags')} AS tags,
    json_build_object('schema', fn.nspname, 'name', f.proname) AS function, ${buildFiresSql('t.evtenabled')}
  FROM pg_event_trigger t
  JOIN pg_proc f ON f.oid = t.evtfoid
  JOIN pg_namespace fn ON fn.oid = f.pronamespace
  WHERE ${buildNotExtensionMemberSql('pg_event_trigger', 't.oid')} AND fn.nspname <> 'trueup'`,
};
