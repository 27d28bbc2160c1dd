/** What a file hung on relations, and what therefore runs with its own later statements: triggers, rules, defaults. */
import type { CreateTrigStmt, RuleStmt } from 'libpg-query';

export type HookEvent = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE';

export class Hooks {
  /** By the relation's key. */
  private readonly events = new Map<string, Set<HookEvent>>();

  add(relation: string, events: readonly HookEvent[]): void {
    this.events.set(relation, new Set([...(this.events.get(relation) ?? []), ...events]));
  }

  /** The old name keeps them too: it may be somebody else's view of the new one. */
  rename(before: string, after: string): void {
    this.add(after, [...(this.events.get(before) ?? [])]);
  }

  has(relation: string, event: HookEvent): boolean {
    return this.events.get(relation)?.has(event) ?? false;
  }

  /** On whichever relation. */
  hasAny(event: HookEvent): boolean {
    return [...this.events.values()].some((events) => events.has(event));
  }
}

/** DO INSTEAD NOTHING runs nothing. */
export const ruleEvents = ({ actions, event }: RuleStmt): HookEvent[] =>
  actions?.length ? [(event ?? '').replace('CMD_', '') as HookEvent] : [];

/** Bits of the server's TRIGGER_TYPE_… */
const TRIGGER_BITS: readonly [number, HookEvent][] = [
  [4, 'INSERT'],
  [8, 'DELETE'],
  [16, 'UPDATE'],
  [32, 'TRUNCATE'],
];

export const triggerEvents = ({ events = 0 }: CreateTrigStmt): HookEvent[] =>
  TRIGGER_BITS.flatMap(([bit, event]) => (events & bit ? event : []));
