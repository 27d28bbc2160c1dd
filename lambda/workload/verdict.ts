/** Turns the server's answer about a statement into a verdict in words. Only the server decides. */
import type { PlanningFacts, StatementVerdict } from '../contract/workload';
import { FAILURE_CAUSES, FAILURE_REASONS, UNDECIDED_REASONS, WOULD_FAIL } from './words';

/** One element of the result of `trueup._plan`. Fields that are null are left out. */
export interface PlanAnswer {
  readonly outcome: 'plans' | 'fails' | 'would-fail' | 'undecided';
  readonly state?: string;
  /** A code of {@link UNDECIDED_REASONS} for an undecided statement, or of {@link FAILURE_CAUSES}, if any, for a failing one. */
  readonly why?: string;
  /** Relation that makes every execution fail, as `schema.table`. `object` is its column or index. */
  readonly relation?: string;
  readonly object?: string;
  /** Code that is not trusted: the object, and its owner if one role owns it. */
  readonly code?: { readonly role?: string; readonly object: string };
  readonly parameters: readonly string[];
  readonly results?: readonly string[];
  readonly relations: readonly string[];
  /** Types, with their lengths, of the columns that the text may name, by `schema.table.column`. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Signatures of the functions that the text calls by name. Built-in functions are left out. */
  readonly functions?: readonly string[];
  readonly arbiters: readonly string[];
  /** Search path that is set for the sender. Empty if none is set. */
  readonly setting?: string;
  /** Privileges of the sender, if a role of this name exists: `SELECT public.t`. */
  readonly privileges?: {
    readonly role: string;
    readonly has?: readonly string[];
    /** Privileges that the role has on some of the columns only. */
    readonly partly?: readonly string[];
    readonly lacks?: readonly string[];
  };
  /** Tables whose row security applies to the role, and whether any policy lets rows pass. */
  readonly rowSecurity?: Readonly<Record<string, 'policies' | 'denied'>>;
  /** Time that planning took, in milliseconds. */
  readonly ms?: number;
}

export function toStatementVerdict(answer: PlanAnswer): StatementVerdict {
  const facts: PlanningFacts = {
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
      return {
        outcome,
        sqlstate: state,
        why:
          FAILURE_CAUSES[why] === undefined
            ? FAILURE_REASONS[state]!
            : `${FAILURE_CAUSES[why]} (${relation})`,
        ...facts,
      };
    case 'would-fail': {
      const sqlstate = state as keyof typeof WOULD_FAIL;
      return { outcome, sqlstate, why: WOULD_FAIL[sqlstate], relation, object, ...facts };
    }
    case 'undecided':
      return { outcome, why: `${UNDECIDED_REASONS[why]!}${formatCode(answer.code)}`, ...facts };
  }
}

/** ` (courses_app: function public.evil())` */
const formatCode = (code: PlanAnswer['code']): string =>
  code === undefined ? '' : ` (${[code.role, code.object].filter(Boolean).join(': ')})`;
