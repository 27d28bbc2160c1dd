/** What a look into the catalogue found, before the ledger is asked. */
import type { Repair, Verdict } from '../../contract/diagnosis';
import type { DefectKind } from '../defect';
import { type DefectObject, NO_OBJECT } from '../object';

export interface Found {
  readonly kind: DefectKind | null;
  readonly case: string | null;
  readonly verdict: Verdict | null;
  readonly object: DefectObject;
  /** See {@link Diagnosis.subject}. */
  readonly subject: string | null;
  readonly cause: readonly string[];
  readonly unseen: readonly string[];
  /** @default - the kind's own for this object */
  readonly repair?: Repair;
}

export const NO_STATEMENT =
  'The log has no statement for this error (log_min_error_statement, or the line is missing)';

/** Nothing can be named; `cause` holds suspects. */
export const notFound = (unseen: readonly string[], cause: readonly string[] = []): Found => ({
  kind: null,
  case: null,
  verdict: null,
  object: NO_OBJECT,
  subject: null,
  cause,
  unseen,
});

/** The repair where the catalogue shows nothing that the statement would fail on. */
export const NOTHING_NOW =
  'Nothing to repair in the schema as it is now. If the errors continue, the statement runs in another schema, ' +
  'database or session.';

/** Can be run as it is. */
export const repairBy = (words: string, sql: readonly string[] = []): Repair => ({
  words,
  sql,
  decision: false,
});

/** Nothing of it may be run before somebody has decided. */
export const decide = (words: string, sql: readonly string[] = []): Repair => ({
  words: `A person must decide. ${words}`,
  sql,
  decision: true,
});

/** Names in a sentence: all of a few, the first of many. */
export function listed(names: readonly string[], most = 5): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}
