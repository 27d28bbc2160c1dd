/** Triggers, rules and defaults that a file adds to relations and that therefore run with its own later statements. */
import type { CreateTrigStmt, RuleStmt } from 'libpg-query';

export type RowEvent = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE';

export class TriggerModel {
  /** Events by the key of the relation. */
  private readonly events = new Map<string, Set<RowEvent>>();

  add(relation: string, events: readonly RowEvent[]): void {
    this.events.set(relation, new Set([...(this.events.get(relation) ?? []), ...events]));
  }

  /**
   * Copies the events to the new name. The old name keeps them too, because another user's view may have that name for
   * the renamed relation.
   */
  rename(before: string, after: string): void {
    this.add(after, [...(this.events.get(before) ?? [])]);
  }

  has(relation: string, event: RowEvent): boolean {
    return this.events.get(relation)?.has(event) ?? false;
  }

  /** Tells whether any relation has something for this event. */
  hasAny(event: RowEvent): boolean {
    return [...this.events.values()].some((events) => events.has(event));
  }
}

/** Returns the event of a rule; DO INSTEAD NOTHING runs nothing. */
export const readRuleEvents = ({ actions, event }: RuleStmt): RowEvent[] =>
  actions?.length ? [(event ?? '').replace('CMD_', '') as RowEvent] : [];

/** Bits of the server's TRIGGER_TYPE_… constants. */
const TRIGGER_BITS: readonly [number, RowEvent][] = [
  [4, 'INSERT'],
  [8, 'DELETE'],
  [16, 'UPDATE'],
  [32, 'TRUNCATE'],
];

export const readTriggerEvents = ({ events = 0 }: CreateTrigStmt): RowEvent[] =>
  TRIGGER_BITS.flatMap(([bit, event]) => (events & bit ? event : []));
