/** Which statements the target refuses that nothing else refuses, and which difference to the source explains each. Pure. */
import type { Verdict } from '../contract/workload';
import { insertsIn } from '../sql/insert';
import { identifierOf, tokens } from '../sql/tokens';
import type { ComparedId, Difference } from './compare/difference';
import { grouped } from './compare/pair';
import { plain } from './compare/text';
import type { FailingStatement } from './evidence';
import { extensionOf } from './extension-functions';
import { key, namesIn } from './names';
import { onceFor } from './once';

export interface PlannedStatement {
  readonly text: string;
  readonly calls: number | null;
  readonly target: Verdict;
  /** @default - the source could not be asked */
  readonly source: Verdict | null;
}

type Broken = FailingStatement['verdict'];

/** What fails on both is no loss, and may be a fault of how it was normalized. */
export function failingOf(
  planned: readonly PlannedStatement[],
  differences: readonly Difference[],
): readonly FailingStatement[] {
  const byText = new Map<string, FailingStatement>();
  for (const { text, calls, target, source } of planned) {
    if (!isBroken(target) || (source !== null && isBroken(source))) continue;
    const known = byText.get(text);
    const sum =
      known?.calls == null || calls === null ? (calls ?? known?.calls ?? null) : known.calls + calls;
    byText.set(
      text,
      known
        ? { ...known, calls: sum }
        : { text, calls, verdict: target, because: explain(differences, text, target) },
    );
  }
  return [...byText.values()].sort((a, b) => (b.calls ?? 0) - (a.calls ?? 0));
}

const isBroken = (verdict: Verdict): verdict is Broken =>
  verdict.outcome === 'fails' || verdict.outcome === 'would-fail';

/** By SQLSTATE: what may be gone. */
const EXPLAINED_BY: Readonly<Record<string, readonly ComparedId[]>> = {
  '42P01': ['table-lost', 'view-lost', 'materialized-view-lost', 'schema-lost'],
  '3F000': ['schema-lost'],
  '42703': ['column-lost', 'view-lost', 'materialized-view-lost'],
  '42883': ['function-lost', 'schema-lost', 'extension-missing', 'extension-schema', 'column-type'],
  '42804': ['column-type', 'type-lost'],
  '42846': ['column-type', 'type-lost'],
  '42704': [
    'type-lost',
    'collation-lost',
    'unique-lost',
    'renamed',
    'constraint-lost',
    'schema-lost',
    'primary-key-lost',
    'extension-missing',
    'extension-schema',
  ],
  '42P10': ['unique-lost', 'primary-key-lost'],
  '42803': ['primary-key-lost'],
  '55000': ['unique-lost', 'view-lost'],
  '42501': ['grant-lost'],
  '23502': ['missing-id-default', 'default-lost', 'identity-lost'],
};

/** No table is called so. */
const NO_TABLE = '';

const byTable = onceFor((differences: readonly Difference[]) =>
  grouped(differences, ({ id, table }) => key(id, table?.[1] ?? NO_TABLE)),
);
const positions = onceFor(
  (differences: readonly Difference[]) => new Map(differences.map((each, i) => [each, i])),
);

function explain(differences: readonly Difference[], text: string, verdict: Broken): Difference | null {
  const first = (tables: readonly string[], explains: (each: Difference) => boolean): Difference | null => {
    for (const id of EXPLAINED_BY[verdict.sqlstate] ?? []) {
      const found = [...new Set(tables)]
        .flatMap((table) => byTable(differences).get(key(id, table)) ?? [])
        .filter(explains);
      const place = positions(differences);
      if (found.length > 0) return found.reduce((a, b) => (place.get(b)! < place.get(a)! ? b : a));
    }
    return null;
  };
  if (verdict.outcome === 'would-fail')
    return first(namesIn(verdict.relation).slice(-1), (each) => isAbout(each, verdict));
  if (verdict.sqlstate === '42P10') {
    const inserts = insertsIn(text);
    return first(
      inserts.map(({ table }) => table),
      (each) => decidesConflict(each, inserts),
    );
  }
  const used = new Set([...tokens(text)].flatMap((token) => identifierOf(token) ?? []));
  const called = new Set(verdict.sqlstate === '42883' ? callsIn(text) : used);
  return first([...used, NO_TABLE], (each) => isNamed(each, isOfExtension(each) ? called : used));
}

/** The relation and the column or index that the planner named. */
function isAbout(
  { table, names = [] }: Difference,
  { relation, object }: Extract<Broken, { outcome: 'would-fail' }>,
): boolean {
  return (
    table !== undefined &&
    key(...namesIn(relation)) === key(...table) &&
    names.includes(namesIn(object).at(-1) ?? object)
  );
}

function decidesConflict(
  { table, columns = [], names = [] }: Difference,
  inserts: ReturnType<typeof insertsIn>,
): boolean {
  return inserts.some(({ table: into, conflict }) => {
    if (conflict === null || table?.[1] !== into) return false;
    if (conflict.constraint !== null) return names.includes(conflict.constraint);
    const wanted = [...conflict.columns, ...conflict.expressions.map(plain)].sort();
    return key(...wanted) === key(...columns.map(plain).sort());
  });
}

/** The statement uses its name, and where it belongs to a table, the table's as well; an extension's operators it cannot tell. */
function isNamed(difference: Difference, used: ReadonlySet<string>): boolean {
  const { id, names = [], table } = difference;
  if (isOfExtension(difference)) return [...used].some((name) => isBroughtBy(difference, name));
  if (id === 'grant-lost' || id === 'primary-key-lost') return table !== undefined && used.has(table[1]);
  return names.some((name) => used.has(name)) && (table === undefined || used.has(table[1]));
}

const isOfExtension = ({ id }: Difference): boolean =>
  id === 'extension-missing' || id === 'extension-schema';

/** A source of before did not say what its extensions bring. */
export const isBroughtBy = ({ names = [], lost }: Difference, name: string): boolean =>
  names.length > 0
    ? names.includes(name)
    : lost.some(({ kind, from }) => kind === 'extensions' && from.name === extensionOf(name));

/** Names that brackets follow: of functions, as far as a scanner can tell. */
export function callsIn(text: string): readonly string[] {
  const all = [...tokens(text)];
  return all.flatMap((token, i) => (all[i + 1]?.text === '(' ? (identifierOf(token) ?? []) : []));
}
