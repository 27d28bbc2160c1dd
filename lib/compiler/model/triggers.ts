/** Triggers, rules and defaults that a file adds to relations, and that therefore run with its own later statements. */
import type { CreateTrigStmt, RuleStmt } from 'libpg-query';

export type RowEvent = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE';

export class Triggers {
  /** By the relation's key. */
  private readonly events = new Map<string, Set<RowEvent>>();

  add(relation: string, events: readonly RowEvent[]): void {
    this.events.set(relation, new Set([...(this.events.get(relation) ?? []), ...events]));
  }

  /** The old name keeps them too: it may be somebody else's view of the new one. */
  rename(before: string, after: string): void {
    this.add(after, [...(this.events.get(before) ?? [])]);
  }

  has(relation: string, event: RowEvent): boolean {
    return this.events.get(relation)?.has(event) ?? false;
  }

  /** On whichever relation. */
  hasAny(event: RowEvent): boolean {
    return [...this.events.values()].some((events) => events.has(event));
  }
}

/** DO INSTEAD NOTHING runs nothing. */
export const ruleEvents = ({ actions, event }: RuleStmt): RowEvent[] =>
  actions?.length ? [(event ?? '').replace('CMD_', '') as RowEvent] : [];

/** Bits of the server's TRIGGER_TYPE_… */
const TRIGGER_BITS: readonly [number, RowEvent][] = [
  [4, 'INSERT'],
  [8, 'DELETE'],
  [16, 'UPDATE'],
  [32, 'TRUNCATE'],
];

export const triggerEvents = ({ events = 0 }: CreateTrigStmt): RowEvent[] =>
  TRIGGER_BITS.flatMap(([bit, event]) => (events & bit ? event : []));
