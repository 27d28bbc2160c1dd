/** What both cases of ON CONFLICT and a constraint say of an index, and how. */
import type { Repair, Verdict } from '../../contract/diagnosis';
import type { UniqueIndex } from '../conflict';
import { missingConflictTarget } from '../kinds/missing-conflict-target';
import { NO_OBJECT } from '../object';
import type { Relation } from '../relations';
import type { Found } from './finding';

/** A finding about one constraint, or about the lack of one. */
export const about = (
  table: Relation,
  name: string | null,
  keys: readonly string[],
  which: string,
  verdict: Verdict,
  cause: string,
  repair: Repair,
): Found => ({
  kind: missingConflictTarget,
  case: which,
  verdict,
  object: { ...NO_OBJECT, table: table.sql, columns: keys, name },
  subject: name === null ? table.sql : `${table.sql} (constraint ${name})`,
  cause: [cause],
  unseen: [],
  repair,
});

export const keysOf = (index: UniqueIndex): readonly string[] => index.keys.map(({ text }) => text);
/** ON CONFLICT can use it. */
export const isKey = (index: UniqueIndex): boolean =>
  index.unique && !index.exclusion && index.valid && index.immediate;
