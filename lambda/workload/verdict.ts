/** From what the server answered about one statement to its verdict. Pure; where the evidence ends, so does the verdict. */
import type { Asked, Planned, PlannedFacts, Verdict } from '../contract/workload';
import {
  DEFAULT_AMONG_ROWS,
  DEFERRABLE,
  FAILURES,
  FILLED,
  FORBIDDEN,
  HIDDEN_CONSTANT,
  IF_A_ROW_COMES,
  NO_VALUE,
  NOT_PERMITTED,
  REASONS,
  UNTYPED,
} from './words';

/** One statement in the answer of the planning block. */
export interface Answer {
  /** Why it was not planned, or why its error says nothing. */
  readonly reason?: string;
  readonly state?: string;
  readonly about?: { readonly untyped?: boolean; readonly candidates?: boolean };
  readonly parameters: readonly string[];
  readonly results?: readonly string[];
  readonly relations: readonly string[];
  /** Of an INSERT: EXPLAIN's document. */
  readonly plan?: readonly { readonly Plan?: PlanNode }[];
  readonly targets?: readonly Target[];
}

interface Target {
  /** `schema.name`, quoted where needed. */
  readonly relation: string;
  readonly schema: string;
  readonly name: string;
  /** By number, columns that must have a value: name, and whether the server makes one. */
  readonly required?: Readonly<Record<string, readonly [name: string, generated: boolean]>>;
  /** Unique indexes, `schema.name`, that are checked at the end of a transaction or may be. */
  readonly deferrable?: readonly string[];
  /** A row trigger may put values in place. */
  readonly fills: boolean;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly Operation?: string;
  readonly Schema?: string;
  readonly 'Relation Name'?: string;
  readonly Output?: readonly string[];
  readonly 'Parent Relationship'?: string;
  readonly 'Conflict Resolution'?: string;
  readonly 'Conflict Arbiter Indexes'?: readonly string[];
  readonly 'One-Time Filter'?: string;
  readonly Filter?: string;
  readonly Plans?: readonly PlanNode[];
}

/** @param connectedAs the role that planned it */
export function verdictOf(asked: Asked, answer: Answer, connectedAs: string): Verdict {
  const inserts = (answer.plan ?? []).flatMap(({ Plan }) => (Plan ? insertsIn(Plan) : []));
  const arbiters = new Set(inserts.flatMap((node) => node['Conflict Arbiter Indexes'] ?? []));
  const facts: PlannedFacts = {
    parameterTypes: answer.parameters,
    resultTypes: answer.results?.length ? answer.results : null,
    relations: answer.relations,
    arbiters: [...arbiters].sort(),
  };
  return { ...planned(asked, answer, inserts, connectedAs), ...facts };
}

function planned(asked: Asked, answer: Answer, inserts: readonly PlanNode[], connectedAs: string): Planned {
  if (answer.reason !== undefined) return undecided(REASONS[answer.reason] ?? REASONS.other!);
  if (answer.state !== undefined) return refused(asked, answer, answer.state, connectedAs);
  const each = inserts.map((node) => insertVerdict(asked.text, node, answer.targets ?? []));
  return (
    each.find(({ outcome }) => outcome === 'would-fail') ??
    each.find(({ outcome }) => outcome === 'undecided') ?? { outcome: 'plans' }
  );
}

const undecided = (why: string): Planned => ({ outcome: 'undecided', why });

function refused({ text, role }: Asked, { about }: Answer, sqlstate: string, connectedAs: string): Planned {
  if (sqlstate === '42501')
    return role === connectedAs ? { outcome: 'fails', sqlstate, why: FORBIDDEN } : undecided(NOT_PERMITTED);
  const why = FAILURES[sqlstate];
  if (why === undefined) return undecided(REASONS.other!);
  const untyped = dependsOnValues(text, sqlstate, about);
  return untyped === undefined ? { outcome: 'fails', sqlstate, why } : undecided(untyped);
}

/**
 * A constant that became a parameter lost its type, and two of the same value are no longer the same: the application's own
 * statement may well plan.
 */
function dependsOnValues(text: string, sqlstate: string, about: Answer['about']): string | undefined {
  if (!/\$\d/.test(text)) return undefined;
  const within = (pattern: RegExp): string | undefined => (pattern.test(text) ? UNTYPED : undefined);
  switch (sqlstate) {
    case '42883':
      // Without a function of this name and number of arguments no type of a value helps.
      return about?.candidates !== false && about?.untyped ? UNTYPED : undefined;
    case '42804':
      return within(/\b(?:union|intersect|except|values|case|coalesce|greatest|least|array|recursive)\b/i);
    case '42809':
      return within(/\b(?:any|some|all)\s*\(\s*\$\d/i);
    case '42803':
      return within(/\bgroup by\b.*\$\d/is);
    case '42P10':
      if (/\bon conflict\s*\(.*\)\s*where\b(?:(?!\bdo\b).)*\$\d/is.test(text)) return HIDDEN_CONSTANT;
      return /\bon conflict\b/i.test(text) ? undefined : UNTYPED;
    default:
      return undefined;
  }
}

/** Also below CTEs and beside one another. A plan has no more nodes than its statement has words. */
function insertsIn(root: PlanNode): PlanNode[] {
  const found: PlanNode[] = [];
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node['Node Type'] === 'ModifyTable' && node.Operation === 'Insert') found.push(node);
    stack.push(...(node.Plans ?? []));
  }
  return found;
}

function insertVerdict(text: string, node: PlanNode, targets: readonly Target[]): Planned {
  const target = targets.find(({ schema, name }) => schema === node.Schema && name === node['Relation Name']);
  const source = node.Plans?.find((child) => child['Parent Relationship'] !== 'InitPlan' && child.Output);
  if (target === undefined || source === undefined) return { outcome: 'plans' };
  const failure = missingValue(source, target) ?? deferrableArbiter(node, target);
  if (failure !== undefined) {
    if (failure.sqlstate === '23502' && target.fills) return undecided(FILLED);
    return alwaysHasRow(source) ? failure : undecided(IF_A_ROW_COMES);
  }
  const severalRows = source['Node Type'] === 'Values Scan' && /\bdefault\b/i.test(text);
  const bare = Object.entries(target.required ?? {}).filter(([, [, generated]]) => !generated);
  const fromRows = ([place]: [string, unknown]): boolean =>
    /\*VALUES\*/.test(source.Output?.[Number(place) - 1] ?? '');
  return severalRows && bare.some(fromRows) ? undecided(DEFAULT_AMONG_ROWS) : { outcome: 'plans' };
}

type WouldFail = Extract<Planned, { outcome: 'would-fail' }>;

/** What stands at a column's number is what the column gets. */
function missingValue({ Output = [] }: PlanNode, { relation, required = {} }: Target): WouldFail | undefined {
  const missing = Object.entries(required).find(([place]) => /^NULL::/.test(Output[Number(place) - 1] ?? ''));
  if (missing === undefined) return undefined;
  return { outcome: 'would-fail', sqlstate: '23502', why: NO_VALUE, relation, object: missing[1][0] };
}

/** Without a target every unique index decides. */
function deferrableArbiter(node: PlanNode, { relation, deferrable = [] }: Target): WouldFail | undefined {
  if (node['Conflict Resolution'] === undefined) return undefined;
  const arbiters = node['Conflict Arbiter Indexes'];
  const index = deferrable.find((name) => !arbiters || arbiters.some((each) => name.endsWith(`.${each}`)));
  if (index === undefined) return undefined;
  return { outcome: 'would-fail', sqlstate: '55000', why: DEFERRABLE, relation, object: index };
}

/** VALUES, with one row or several; everything else may return none. */
const alwaysHasRow = (source: PlanNode): boolean =>
  (source['Node Type'] === 'Result' || source['Node Type'] === 'Values Scan') &&
  source['One-Time Filter'] === undefined &&
  source.Filter === undefined &&
  !source.Plans?.some((child) => child['Parent Relationship'] === 'Outer');
