/** What the ledger remembers of findings: each is paged once, and again when it was gone and comes back. */
import { createHash } from 'node:crypto';
import { GRADES } from '../audit/finding';
import { type AuditedFinding, MOST_NEW, type NewFindings } from '../contract/audit';
import { type Database, SqlError } from '../postgres/database';
import { longText, readLongText } from '../postgres/long-text';
import { READ_WRITE } from '../postgres/without-writing';
import { quoteLiteral } from '../sql/quote';

export interface KnownFinding {
  readonly number: number;
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  readonly grade: string;
  /** How many of the kind the object has. */
  readonly count: number;
  readonly paged: boolean;
}

/** All findings of a kind on an object: what one line accepts. */
export interface FindingGroup {
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  /** Of the surest. */
  readonly grade: string;
  readonly findings: readonly Pick<AuditedFinding, 'grade' | 'message' | 'evidence'>[];
}

export interface Changes {
  readonly add: readonly FindingGroup[];
  /** There are fewer than before: one more is new again. */
  readonly fewer: readonly { readonly number: number; readonly group: FindingGroup }[];
  readonly forget: readonly number[];
  /** After that: what nobody was told of. */
  readonly unpaged: number;
}

/**
 * Pure.
 * @param unsure that it is not found does not say that it is gone: this time it could not be looked at
 */
export function changesOf(
  known: readonly KnownFinding[],
  found: readonly FindingGroup[],
  unsure: (each: Pick<KnownFinding, 'kind' | 'object' | 'grade'>) => boolean,
): Changes {
  const before = new Map(known.map((each) => [each.key, each]));
  const now = new Map(found.map((each) => [each.key, each]));
  const more = ({ key, findings }: FindingGroup): boolean => findings.length > (before.get(key)?.count ?? 0);
  const add = found.filter(more);
  const forget = known.filter((each) => {
    const group = now.get(each.key);
    return group ? more(group) : !unsure(each);
  });
  const gone = new Set(forget);
  return {
    add,
    fewer: found.flatMap((group) => {
      const was = before.get(group.key);
      return was && group.findings.length < was.count && !unsure(was) ? [{ number: was.number, group }] : [];
    }),
    forget: forget.map(({ number }) => number),
    unpaged: add.length + known.filter((each) => !each.paged && !gone.has(each)).length,
  };
}

const MOST_LINES = 4;
const LONGEST_LINE = 400;
const MOST_OF_ONE = 5;

const keyOf = (kind: string, object: string): string =>
  createHash('sha256')
    .update(JSON.stringify([kind, object]))
    .digest('hex');

/** In the order of the findings: the surest first. */
export function groupsOf(findings: readonly AuditedFinding[]): readonly FindingGroup[] {
  const groups = new Map<string, AuditedFinding[]>();
  for (const each of findings) {
    const key = keyOf(each.id, each.object);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups].map(([key, all]) => ({
    key,
    kind: all[0]!.id,
    object: all[0]!.object,
    grade: all[0]!.grade,
    findings: all.map(({ grade, message, evidence }, i) => ({
      grade,
      message: short(message),
      evidence: i < MOST_OF_ONE ? evidence.slice(0, MOST_LINES).map(short) : [],
    })),
  }));
}

const short = (text: string): string =>
  text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE).replace(/[\ud800-\udbff]$/, '')}…` : text;

/** Null where the ledger is not there, or of an older version, or not for this role to read. @throws {ConnectionLost} */
async function ifKept<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SqlError && NOT_KEPT.has(error.sqlstate)) return null;
    throw error;
  }
}
/** No such table, no such schema, no right; 25006, a server that only reads. */
const NOT_KEPT = new Set(['42P01', '3F000', '42501', '25006']);

/** Null where nothing can be remembered. @throws {SqlError} */
export const readKnown = (db: Database, namespace: string): Promise<readonly KnownFinding[] | null> =>
  ifKept(async () => {
    const text = await readLongText(
      db,
      `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('number', f.number, 'key', f.key, 'kind', f.kind, 'object', f.object,
  'grade', f.grade, 'count', pg_catalog.jsonb_array_length(f.findings), 'paged', f.paged_at IS NOT NULL) ORDER BY f.number), '[]')::pg_catalog.text
FROM trueup.findings f WHERE f.namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
      [namespace],
    );
    return JSON.parse(text!) as KnownFinding[];
  });

/** False where nothing can be remembered. @throws {SqlError} */
export async function keepChanges(db: Database, namespace: string, changes: Changes): Promise<boolean> {
  const statements = [
    ...forgetting(changes.forget),
    ...changes.fewer.flatMap(shrinking),
    ...adding(namespace, changes.add),
  ];
  if (statements.length === 0) return true;
  return (await ifKept(() => writing(db, statements))) !== null;
}

/** In a session that otherwise only reads. */
const writing = (db: Database, statements: readonly string[]): ReturnType<Database['execute']> =>
  db.execute([{ statements: [READ_WRITE, ...statements] }]);

const forgetting = (numbers: readonly number[]): string[] =>
  numbers.length === 0 ? [] : [`DELETE FROM trueup.findings WHERE ${isOneOf(numbers)}`];

const isOneOf = (numbers: readonly number[]): string =>
  `number OPERATOR(pg_catalog.=) ANY ('{${numbers.join(',')}}'::pg_catalog.int8[])`;

function shrinking({ number, group }: Changes['fewer'][number]): string[] {
  const { statements, expression } = longText(JSON.stringify(group.findings));
  return [
    ...statements,
    `UPDATE trueup.findings SET findings = ${expression}::pg_catalog.jsonb, grade = ${quoteLiteral(group.grade)} WHERE ${isOneOf([number])}`,
  ];
}

/** Another check at the same moment may have added it already. */
function adding(namespace: string, groups: readonly FindingGroup[]): string[] {
  if (groups.length === 0) return [];
  const { statements, expression } = longText(JSON.stringify(groups));
  return [
    ...statements,
    `INSERT INTO trueup.findings (namespace, key, kind, object, grade, findings)
SELECT ${quoteLiteral(namespace)}, g.key, g.kind, g.object, g.grade, g.findings
FROM pg_catalog.jsonb_to_recordset(${expression}::pg_catalog.jsonb)
  AS g (key pg_catalog.text, kind pg_catalog.text, object pg_catalog.text, grade pg_catalog.text, findings pg_catalog.jsonb)
ON CONFLICT (namespace, key) DO NOTHING`,
  ];
}

/**
 * What nobody was told of, and from now on counts as told. Null where nothing can be remembered.
 * @throws {SqlError}
 */
export async function takeNew(db: Database, namespace: string): Promise<NewFindings | null> {
  const text = await ifKept(() =>
    readLongText(
      db,
      `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('number', f.number, 'id', f.kind, 'object', f.object,
  'findings', CASE WHEN f.place OPERATOR(pg_catalog.<=) ${MOST_NEW}::pg_catalog.int8 THEN f.findings END) ORDER BY f.place), '[]')::pg_catalog.text
FROM (SELECT n.*, pg_catalog.row_number() OVER (ORDER BY n.grade, n.number) AS place FROM trueup.findings n
  WHERE n.namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND n.paged_at IS NULL) AS f`,
      [namespace],
    ),
  );
  if (text === null) return null;
  const rows = JSON.parse(text) as readonly NewRow[];
  if (rows.length === 0) return NOTHING_NEW;
  const marking = `UPDATE trueup.findings SET paged_at = pg_catalog.clock_timestamp() WHERE paged_at IS NULL AND ${isOneOf(rows.map(({ number }) => number))}`;
  const counts = await ifKept(() => writing(db, [marking]));
  // Somebody else was asked at the same moment, and tells.
  if (counts?.[0]?.at(-1) === 0) return NOTHING_NEW;
  const findings = rows.flatMap(({ id, object, findings: all }) =>
    (all ?? []).map((each) => ({ id, object, ...each })),
  );
  findings.sort((a, b) => GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade));
  const cut = rows.filter(({ findings: all }) => all === null).length;
  return { findings: findings.slice(0, MOST_NEW), count: findings.length + cut, marked: counts !== null };
}

const NOTHING_NEW: NewFindings = { findings: [], count: 0, marked: true };

interface NewRow extends Pick<AuditedFinding, 'id' | 'object'> {
  readonly number: number;
  /** Null beyond the first. */
  readonly findings: FindingGroup['findings'] | null;
}
