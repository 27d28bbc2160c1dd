/** Selects the statements that only the target rejects, and the difference to the source that explains each. Pure. */
import type { StatementVerdict } from '../contract/workload';
import { parseInserts } from '../sql/insert';
import { readIdentifier, tokenizeSql } from '../sql/tokens';
import type { ComparedId, Difference } from './compare/difference';
import { groupBy } from './compare/pair';
import { normalizeSqlText } from './compare/text';
import type { FailingStatement } from './evidence';
import { findExtensionOfFunction } from './extension-functions';
import { memoize } from './memoize';
import { joinKey, parseNames } from './names';

export interface PlannedStatement {
  readonly text: string;
  readonly calls: number | null;
  readonly target: StatementVerdict;
  /**
   * Verdict of the source.
   * @default - null, the source could not be queried
   */
  readonly source: StatementVerdict | null;
}

type BrokenVerdict = FailingStatement['verdict'];

/**
 * Returns the statements that fail on the target only. A statement that fails on both sides is not the target's
 * fault; its normalization may be.
 */
export function findFailingStatements(
  planned: readonly PlannedStatement[],
  differences: readonly Difference[],
): readonly FailingStatement[] {
  const byText = new Map<string, FailingStatement>();
  for (const { text, calls, target, source } of planned) {
    if (!isBrokenVerdict(target) || (source !== null && isBrokenVerdict(source))) continue;
    const known = byText.get(text);
    const sum =
      known?.calls == null || calls === null ? (calls ?? known?.calls ?? null) : known.calls + calls;
    byText.set(
      text,
      known
        ? { ...known, calls: sum }
        : { text, calls, verdict: target, because: findExplanation(differences, text, target) },
    );
  }
  return [...byText.values()].sort((a, b) => (b.calls ?? 0) - (a.calls ?? 0));
}

const isBrokenVerdict = (verdict: StatementVerdict): verdict is BrokenVerdict =>
  verdict.outcome === 'fails' || verdict.outcome === 'would-fail';

/** Checks whose findings can explain an SQLSTATE. */
const EXPLAINED_BY_SQLSTATE: Readonly<Record<string, readonly ComparedId[]>> = {
  '42P01': ['missing-table', 'missing-view', 'missing-materialized-view', 'missing-schema'],
  '3F000': ['missing-schema'],
  '42703': ['missing-column', 'missing-view', 'missing-materialized-view'],
  '42883': [
    'missing-function',
    'missing-schema',
    'missing-extension',
    'extension-schema-changed',
    'column-type-changed',
  ],
  '42804': ['column-type-changed', 'missing-type'],
  '42846': ['column-type-changed', 'missing-type'],
  '42704': [
    'missing-type',
    'missing-collation',
    'missing-unique-index',
    'constraint-renamed',
    'missing-constraint',
    'missing-schema',
    'missing-primary-key',
    'missing-extension',
    'extension-schema-changed',
  ],
  '42P10': ['missing-unique-index', 'missing-primary-key'],
  '42803': ['missing-primary-key'],
  '55000': ['missing-unique-index', 'missing-view'],
  '42501': ['missing-grant'],
  '23502': ['missing-primary-key-default', 'missing-default', 'missing-identity'],
};

/** Key of differences without a table. No table can have an empty name. */
const NO_TABLE_KEY = '';

const groupByTable = memoize((differences: readonly Difference[]) =>
  groupBy(differences, ({ id, table }) => joinKey(id, table?.[1] ?? NO_TABLE_KEY)),
);
const indexPositions = memoize(
  (differences: readonly Difference[]) => new Map(differences.map((each, i) => [each, i])),
);

function findExplanation(
  differences: readonly Difference[],
  text: string,
  verdict: BrokenVerdict,
): Difference | null {
  const first = (tables: readonly string[], explains: (each: Difference) => boolean): Difference | null => {
    for (const id of EXPLAINED_BY_SQLSTATE[verdict.sqlstate] ?? []) {
      const found = [...new Set(tables)]
        .flatMap((table) => groupByTable(differences).get(joinKey(id, table)) ?? [])
        .filter(explains);
      const place = indexPositions(differences);
      if (found.length > 0) return found.reduce((a, b) => (place.get(b)! < place.get(a)! ? b : a));
    }
    return null;
  };
  if (verdict.outcome === 'would-fail')
    return first(parseNames(verdict.relation).slice(-1), (each) => isAbout(each, verdict));
  if (verdict.sqlstate === '42P10') {
    const inserts = parseInserts(text);
    return first(
      inserts.map(({ table }) => table),
      (each) => decidesConflict(each, inserts),
    );
  }
  const used = new Set([...tokenizeSql(text)].flatMap((token) => readIdentifier(token) ?? []));
  const called = new Set(verdict.sqlstate === '42883' ? listCalledFunctions(text) : used);
  return first([...used, NO_TABLE_KEY], (each) =>
    isNamedByStatement(each, isExtensionDifference(each) ? called : used),
  );
}

/** Whether the difference is about the relation and the column or index that the planner named. */
function isAbout(
  { table, names = [] }: Difference,
  { relation, object }: Extract<BrokenVerdict, { outcome: 'would-fail' }>,
): boolean {
  return (
    table !== undefined &&
    joinKey(...parseNames(relation)) === joinKey(...table) &&
    names.includes(parseNames(object).at(-1) ?? object)
  );
}

function decidesConflict(
  { table, columns = [], names = [] }: Difference,
  inserts: ReturnType<typeof parseInserts>,
): boolean {
  return inserts.some(({ table: into, conflict }) => {
    if (conflict === null || table?.[1] !== into) return false;
    if (conflict.constraint !== null) return names.includes(conflict.constraint);
    const wanted = [...conflict.columns, ...conflict.expressions.map(normalizeSqlText)].sort();
    return joinKey(...wanted) === joinKey(...columns.map(normalizeSqlText).sort());
  });
}

/**
 * Whether the statement uses the name of the object and, if it belongs to a table, the table's name as well. Uses of an
 * extension's operators are not recognized.
 */
function isNamedByStatement(difference: Difference, used: ReadonlySet<string>): boolean {
  const { id, names = [], table } = difference;
  if (isExtensionDifference(difference))
    return [...used].some((name) => isProvidedByExtension(difference, name));
  if (id === 'missing-grant' || id === 'missing-primary-key')
    return table !== undefined && used.has(table[1]);
  return names.some((name) => used.has(name)) && (table === undefined || used.has(table[1]));
}

const isExtensionDifference = ({ id }: Difference): boolean =>
  id === 'missing-extension' || id === 'extension-schema-changed';

/** A snapshot of an earlier version does not list what its extensions provide. */
export const isProvidedByExtension = ({ names = [], lost }: Difference, name: string): boolean =>
  names.length > 0
    ? names.includes(name)
    : lost.some(({ kind, from }) => kind === 'extensions' && from.name === findExtensionOfFunction(name));

/** Returns names that a parenthesis follows, which are mostly functions. A scanner cannot tell more. */
export function listCalledFunctions(text: string): readonly string[] {
  const all = [...tokenizeSql(text)];
  return all.flatMap((token, i) => (all[i + 1]?.text === '(' ? (readIdentifier(token) ?? []) : []));
}
