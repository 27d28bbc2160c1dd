/** What the server answered about a statement, in words. It decides; nothing is decided here. */
import type { PlannedFacts, Verdict } from '../contract/workload';
import { FAILURES, UNDECIDED, WOULD_FAIL } from './words';

/** One element of what `trueup._plan` returns. What is null is left out. */
export interface Answer {
  readonly outcome: 'plans' | 'fails' | 'would-fail' | 'undecided';
  readonly state?: string;
  /** Of an undecided one: a code of {@link UNDECIDED}. */
  readonly why?: string;
  /** Where every execution fails: `schema.table`, and the column or index. */
  readonly relation?: string;
  readonly object?: string;
  readonly parameters: readonly string[];
  readonly results?: readonly string[];
  readonly relations: readonly string[];
  /** Of the columns that its words may name, `schema.table.column`: the type, with its length. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Signatures of those that are not the server's own and that the text calls by their name. */
  readonly functions?: readonly string[];
  readonly arbiters: readonly string[];
  /** Of the role that sends it, where there is one of this name: `SELECT public.t`. */
  readonly privileges?: {
    readonly role: string;
    readonly has?: readonly string[];
    /** Of some columns. */
    readonly partly?: readonly string[];
    readonly lacks?: readonly string[];
  };
  /** Tables whose row security this role is subject to: are there policies that let any row pass? */
  readonly rowSecurity?: Readonly<Record<string, 'policies' | 'denied'>>;
  /** What planning it took. */
  readonly ms?: number;
}

export function verdictOf(answer: Answer): Verdict {
  const facts: PlannedFacts = {
    parameterTypes: answer.parameters,
    resultTypes: answer.results?.length ? answer.results : null,
    relations: answer.relations,
    arbiters: answer.arbiters,
  };
  const { outcome, state = '', why = '', relation = '', object = '' } = answer;
  switch (outcome) {
    case 'plans':
      return { outcome, ...facts };
    case 'fails':
      return { outcome, sqlstate: state, why: FAILURES[state]!, ...facts };
    case 'would-fail': {
      const sqlstate = state as keyof typeof WOULD_FAIL;
      return { outcome, sqlstate, why: WOULD_FAIL[sqlstate], relation, object, ...facts };
    }
    case 'undecided':
      return { outcome, why: UNDECIDED[why]!, ...facts };
  }
}
