import { type Kind, NO_MEMBER, type Reference, SORTED } from './kind';
import { FIRES, type Trigger } from './triggers';

/** Of the whole database. */
export interface EventTrigger {
  readonly name: string;
  /** `ddl_command_end` */
  readonly event: string;
  /** Commands that it fires for, sorted. @default - all */
  readonly tags?: readonly string[];
  readonly function: Reference;
  readonly fires?: Trigger['fires'];
}

export const eventTriggers: Kind<EventTrigger> = {
  namedBy: ['name'],
  always: ['event', 'function'],
  sql: () => `SELECT t.evtname AS name, t.evtevent AS event, ${SORTED('t.evttags')} AS tags,
    json_build_object('schema', fn.nspname, 'name', f.proname) AS function, ${FIRES('t.evtenabled')}
  FROM pg_event_trigger t
  JOIN pg_proc f ON f.oid = t.evtfoid
  JOIN pg_namespace fn ON fn.oid = f.pronamespace
  WHERE ${NO_MEMBER('pg_event_trigger', 't.oid')} AND fn.nspname <> 'trueup'`,
};
