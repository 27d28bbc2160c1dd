/**
 * The findings that the ledger remembers. Each finding is paged once, and again if it reappears after it was resolved.
 */
import { createHash } from 'node:crypto';
import { CONFIDENCES } from '../audit/finding';
import { type AuditedFinding, MAX_NEW_FINDINGS, type NewFindings } from '../contract/audit-findings';
import { type Database, SqlError } from '../postgres/database';
import { buildLongText, readLongText } from '../postgres/long-text';
import { makePinnedTransaction } from '../postgres/pinned-search-path';
import { quoteLiteral } from '../sql/quote';

export interface KnownFinding {
  readonly number: number;
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  readonly confidence: string;
  /** Number of findings of this kind on the object. */
  readonly count: number;
  readonly paged: boolean;
}

/** All findings of one kind on one object, which one line of the suppressions file covers. */
export interface FindingGroup {
  readonly key: string;
  readonly kind: string;
  readonly object: string;
  /** Confidence of the most certain finding. */
  readonly confidence: string;
  readonly findings: readonly Pick<AuditedFinding, 'confidence' | 'message' | 'evidence'>[];
}

export interface FindingChanges {
  readonly add: readonly FindingGroup[];
  /** Groups with fewer findings than before. Lowering the stored count makes the next additional finding new again. */
  readonly fewer: readonly { readonly number: number; readonly group: FindingGroup }[];
  readonly forget: readonly number[];
  /** Number of findings that are still unpaged after these changes. */
  readonly unpaged: number;
}

/** Whether the changes are empty, so that nothing has to be written. */
export const isUnchanged = ({ add, fewer, forget }: FindingChanges): boolean =>
  add.length === 0 && fewer.length === 0 && forget.length === 0;

/**
 * Compares the known findings with those of this check. Pure.
 * @param unsure whether a finding could not be checked this time, so that its absence does not mean it is resolved
 */
export function computeChanges(
  known: readonly KnownFinding[],
  found: readonly FindingGroup[],
  unsure: (each: Pick<KnownFinding, 'kind' | 'object' | 'confidence'>) => boolean,
): FindingChanges {
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

const MAX_EVIDENCE_LINES = 4;
const MAX_LINE_LENGTH = 400;
const MAX_FINDINGS_WITH_EVIDENCE = 5;

const buildGroupKey = (kind: string, object: string): string =>
  createHash('sha256')
    .update(JSON.stringify([kind, object]))
    .digest('hex');

/** Groups findings by kind and object, in their order: the most certain first. */
export function groupFindings(findings: readonly AuditedFinding[]): readonly FindingGroup[] {
  const groups = new Map<string, AuditedFinding[]>();
  for (const each of findings) {
    const key = buildGroupKey(each.id, each.object);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups].map(([key, all]) => ({
    key,
    kind: all[0]!.id,
    object: all[0]!.object,
    confidence: all[0]!.confidence,
    findings: all.map(({ confidence, message, evidence }, i) => ({
      confidence,
      message: shortenLine(message),
      evidence: i < MAX_FINDINGS_WITH_EVIDENCE ? evidence.slice(0, MAX_EVIDENCE_LINES).map(shortenLine) : [],
    })),
  }));
}

const shortenLine = (text: string): string =>
  text.length > MAX_LINE_LENGTH ? `${text.slice(0, MAX_LINE_LENGTH).replace(/[\ud800-\udbff]$/, '')}…` : text;

/**
 * Returns null if the ledger does not exist, is of an older version, or cannot be accessed by this role. @throws
 * {ConnectionLost}
 */
async function nullUnlessKept<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SqlError && NOT_KEPT_SQLSTATES.has(error.sqlstate)) return null;
    throw error;
  }
}
/** The table or schema does not exist, the privilege is missing, or the server is read-only (25006). */
const NOT_KEPT_SQLSTATES = new Set(['42P01', '3F000', '42501', '25006']);

/** Returns the known findings, or null if the ledger cannot store findings. @throws {SqlError} */
export const readKnownFindings = (db: Database, namespace: string): Promise<readonly KnownFinding[] | null> =>
  nullUnlessKept(async () => {
    const text = await readLongText(
      db,
      `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('number', f.number, 'key', f.key, 'kind', f.check_id, 'object', f.object,
  'confidence', f.confidence, 'count', pg_catalog.jsonb_array_length(f.findings), 'paged', f.paged_at IS NOT NULL) ORDER BY f.number), '[]')::pg_catalog.text
FROM trueup.findings f WHERE f.namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
      [namespace],
    );
    return JSON.parse(text!) as KnownFinding[];
  });

/**
 * Stores the changes. Returns false if the ledger cannot store findings.
 * @param db a writable connection that has run only our own statements
 * @throws {SqlError}
 */
export async function storeChanges(
  db: Database,
  namespace: string,
  changes: FindingChanges,
): Promise<boolean> {
  const statements = [
    ...buildForgetSql(changes.forget),
    ...changes.fewer.flatMap(buildShrinkSql),
    ...buildAddSql(namespace, changes.add),
  ];
  if (statements.length === 0) return true;
  return (await nullUnlessKept(() => executeWrite(db, statements))) !== null;
}

const executeWrite = (db: Database, statements: readonly string[]): ReturnType<Database['execute']> =>
  db.execute([makePinnedTransaction(statements)]);

const buildForgetSql = (numbers: readonly number[]): string[] =>
  numbers.length === 0 ? [] : [`DELETE FROM trueup.findings WHERE ${buildIsOneOfSql(numbers)}`];

const buildIsOneOfSql = (numbers: readonly number[]): string =>
  `number OPERATOR(pg_catalog.=) ANY ('{${numbers.join(',')}}'::pg_catalog.int8[])`;

function buildShrinkSql({ number, group }: FindingChanges['fewer'][number]): string[] {
  const { statements, expression } = buildLongText(JSON.stringify(group.findings));
  return [
    ...statements,
    `UPDATE trueup.findings SET findings = ${expression}::pg_catalog.jsonb, confidence = ${quoteLiteral(group.confidence)} WHERE ${buildIsOneOfSql([number])}`,
  ];
}

/** Builds the INSERT. A concurrent check may have added the same group already. */
function buildAddSql(namespace: string, groups: readonly FindingGroup[]): string[] {
  if (groups.length === 0) return [];
  const { statements, expression } = buildLongText(JSON.stringify(groups));
  return [
    ...statements,
    `INSERT INTO trueup.findings (namespace, key, check_id, object, confidence, findings)
SELECT ${quoteLiteral(namespace)}, g.key, g.kind, g.object, g.confidence, g.findings
FROM pg_catalog.jsonb_to_recordset(${expression}::pg_catalog.jsonb)
  AS g (key pg_catalog.text, kind pg_catalog.text, object pg_catalog.text, confidence pg_catalog.text, findings pg_catalog.jsonb)
ON CONFLICT (namespace, key) DO NOTHING`,
  ];
}

/**
 * Returns the unpaged findings and marks them as paged. Returns null if the ledger cannot store findings.
 * @param db a writable connection that has run only our own statements
 * @throws {SqlError}
 */
export async function markNewFindings(db: Database, namespace: string): Promise<NewFindings | null> {
  const text = await nullUnlessKept(() =>
    readLongText(
      db,
      `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('number', f.number, 'id', f.check_id, 'object', f.object,
  'findings', CASE WHEN f.place OPERATOR(pg_catalog.<=) ${MAX_NEW_FINDINGS}::pg_catalog.int8 THEN f.findings END) ORDER BY f.place), '[]')::pg_catalog.text
FROM (SELECT n.*, pg_catalog.row_number() OVER (ORDER BY n.confidence, n.number) AS place FROM trueup.findings n
  WHERE n.namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND n.paged_at IS NULL) AS f`,
      [namespace],
    ),
  );
  if (text === null) return null;
  const rows = JSON.parse(text) as readonly NewFindingRow[];
  if (rows.length === 0) return NO_NEW_FINDINGS;
  const marking = `UPDATE trueup.findings SET paged_at = pg_catalog.clock_timestamp() WHERE paged_at IS NULL AND ${buildIsOneOfSql(rows.map(({ number }) => number))}`;
  const counts = await nullUnlessKept(() => executeWrite(db, [marking]));
  // A concurrent call took the findings and reports them.
  if (counts?.[0]?.at(-1) === 0) return NO_NEW_FINDINGS;
  const findings = rows.flatMap(({ id, object, findings: all }) =>
    (all ?? []).map((each) => ({ id, object, ...each })),
  );
  findings.sort((a, b) => CONFIDENCES.indexOf(a.confidence) - CONFIDENCES.indexOf(b.confidence));
  const cut = rows.filter(({ findings: all }) => all === null).length;
  return {
    findings: findings.slice(0, MAX_NEW_FINDINGS),
    count: findings.length + cut,
    marked: counts !== null,
  };
}

const NO_NEW_FINDINGS: NewFindings = { findings: [], count: 0, marked: true };

interface NewFindingRow extends Pick<AuditedFinding, 'id' | 'object'> {
  readonly number: number;
  /** The findings, or null for rows beyond the first ones that are read in full. */
  readonly findings: FindingGroup['findings'] | null;
}
