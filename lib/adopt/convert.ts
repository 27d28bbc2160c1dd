/**
 * Converts another tool's folder to a Trueup folder: one file for each entry, applied entries marked as history, and
 * `verify` sections drafted from what each migration creates.
 */

import type { Catalog } from '../../lambda/audit/catalog';
import { toSingleLine } from '../../lambda/audit/suppressions';
import type { Manifest } from '../../lambda/contract/manifest';
import type { LedgerTool } from '../../lambda/engine/ledger/other-tools';
import { type LedgerRows, listRecordedFiles } from '../../lambda/engine/plan/other-tools';
import { compileFiles } from '../compiler';
import { CompileError } from '../compiler/problem';
import { draftVerifySection } from './draft-verify';
import { type EntryStatus, isApplied, type MigrationEntry } from './entry';
import { buildFileNames } from './file-names';
import { localizeSettings, mayCommit, parseStatements, removeTransactions } from './statements';

export interface ConvertInput {
  readonly tool: LedgerTool;
  readonly judged: readonly EntryStatus[];
  readonly rows: LedgerRows;
  /**
   * Catalog of the scratch server after it replayed the applied entries. `end` is the catalog after the pending ones as
   * well.
   */
  readonly applied: Catalog;
  readonly end: Catalog;
}

export interface ConversionResult {
  /** Files in the order in which they are applied. */
  readonly files: readonly { readonly name: string; readonly entry: MigrationEntry; readonly text: string }[];
  /** Name of the newest applied file, to be passed to `trueup baseline`; `null` if none is applied. */
  readonly baseline: string | null;
  /** Sentences that say how the converted files differ from the other tool's files. */
  readonly notes: readonly string[];
}

interface Draft extends EntryStatus {
  readonly name: string;
  readonly up: string;
}

export async function convertFolder({
  tool,
  judged,
  rows,
  applied,
  end,
}: ConvertInput): Promise<ConversionResult> {
  const names = buildFileNames(judged.map(({ entry }) => entry));
  const notes: string[] = [];
  const drafts = judged.map((each, i): Draft => {
    const { entry } = each;
    const { sql: whole, lines } = removeTransactions(entry.file, entry.sql!);
    if (lines.length > 0)
      notes.push(`${names[i]}: BEGIN and COMMIT were removed; the file is one transaction.`);
    const { sql, lines: settings } = localizeSettings(entry.file, whole);
    if (settings.length > 0)
      notes.push(
        `${names[i]}: SET applies only to this file. Timeouts and SET TRANSACTION were removed, because Trueup sets them.`,
      );
    if ((parseStatements(entry.file, sql) ?? []).some(mayCommit))
      notes.push(
        `${names[i]}: a CALL or DO in it may COMMIT. If it does, the file fails on a new database, because it runs in one transaction: rewrite it.`,
      );
    for (const line of entry.ledgerLines ?? [])
      notes.push(`${names[i]}: a statement on the ledger of ${tool} was removed (${entry.file}:${line}).`);
    return { ...each, name: names[i]!, up: neutralizeMarkers(sql) };
  });
  const manifest = await compileDrafts(drafts);
  for (const { name, history } of manifest?.migrations ?? [])
    if (history?.cannotRun)
      notes.push(
        `${name}: it fails on a new database, ${history.cannotRun.replace(/^line \d+: /, '')}. Correct it if you create new databases from this folder.`,
      );
  const baseline =
    drafts.filter(({ entry, state }) => !entry.repeatable && isApplied(state)).at(-1)?.name ?? null;
  const recognized = new Set(
    listRecordedFiles(
      tool,
      rows,
      drafts.map(({ name, entry }) => ({ name, version: /^\d+/.exec(name)?.[0] ?? entry.version })),
    ).map(({ name }) => name),
  );
  const unknown = drafts.filter(
    ({ name, entry, state }) => isApplied(state) && !entry.repeatable && !recognized.has(name),
  );
  if (unknown.length > 0)
    notes.push(
      `${unknown[0]!.name}${unknown.length === 1 ? '' : ` and ${unknown.length - 1} more`}: the ledger of ${tool} does not contain this name, so Trueup does not know that it is applied until \`trueup baseline\` has recorded it: run that before the first \`trueup up\` or deployment.`,
    );
  let proven: readonly string[] = [];
  const files = drafts.map((draft) => {
    const { name, entry, state } = draft;
    const migration = manifest?.migrations.find((each) => each.name === name);
    const atEnd = migration ? draftVerifySection(migration, end) : [];
    const now = new Set(migration ? draftVerifySection(migration, applied) : []);
    let verify = isApplied(state) ? atEnd.filter((query) => now.has(query)) : atEnd;
    let remark = DRAFTED_COMMENT;
    if (verify.length > 0 && isApplied(state)) proven = verify.slice(0, 1);
    else if (verify.length === 0 && isApplied(state) && !recognized.has(name) && !entry.repeatable) {
      verify = proven;
      remark = BORROWED_COMMENT;
    }
    const undo = migration?.undo === 'automatic' && entry.down !== undefined && entry.down !== '';
    return {
      name,
      entry,
      text: renderFile(draft, { tool, verify, remark, undo, isNewest: name === baseline }),
    };
  });
  return { files, baseline, notes };
}

const DRAFTED_COMMENT =
  '-- Drafted by trueup adopt: checks the objects of this migration that still exist at the end.';
const BORROWED_COMMENT =
  '-- Nothing that this migration made can be checked. This checks an earlier migration, so that Trueup can tell a new\n-- database from an adopted one.';

interface FileParts {
  readonly tool: LedgerTool;
  readonly verify: readonly string[];
  readonly remark: string;
  readonly undo: boolean;
  readonly isNewest: boolean;
}

function renderFile(
  { entry, state, why, up }: Draft,
  { tool, verify, remark, undo, isNewest }: FileParts,
): string {
  const { key, file, words, repeatable } = entry;
  const lines = [
    `-- ${toSingleLine(words) || 'Adopted'}.`,
    `-- From ${tool}: ${toSingleLine(key)} (${toSingleLine(file)}).`,
    '',
  ];
  if (isNewest) lines.push(`-- migrate:history applied with ${tool} until ${toSingleLine(key)}`, '');
  if (state === 'skipped' || state === 'failed')
    lines.push(`-- migrate:decide ${tool} ${STATE_WORDS[state]}: ${toSingleLine(why ?? '')}`, '');
  if (repeatable && verify.length === 0) lines.push(`-- migrate:no-verify adopted from ${tool}`, '');
  lines.push('-- migrate:up', up.trim());
  if (verify.length > 0) lines.push('', '-- migrate:verify', remark, ...verify.map((query) => `${query};`));
  if (undo) lines.push('', '-- migrate:down', neutralizeMarkers(entry.down!).trim());
  return `${lines.join('\n')}\n`;
}

const STATE_WORDS = { skipped: 'never ran this', failed: 'has not finished this' } as const;

/** Rewrites comments that the compiler would read as Trueup's own markers: `-- migrate:up` becomes `-- migrate, up`. */
const neutralizeMarkers = (sql: string): string =>
  sql.replace(/^([ \t]*--+\s*)migrate\s*:/gim, '$1migrate, ');

/**
 * Compiles all drafts as history, so that no safety rule rejects them. Returns `null` if they do not compile even then.
 */
async function compileDrafts(drafts: readonly Draft[]): Promise<Manifest | null> {
  const files = drafts.map(({ name, entry, up }) => {
    const down =
      entry.repeatable || !entry.down ? '' : `\n\n-- migrate:down\n${neutralizeMarkers(entry.down)}`;
    const directive = entry.repeatable ? '-- migrate:no-verify draft\n' : '';
    return { name: `${name}.sql`, bytes: Buffer.from(`${directive}-- migrate:up\n${up}${down}\n`) };
  });
  const history = drafts.filter(({ entry }) => !entry.repeatable).at(-1)?.name;
  try {
    return await compileFiles(files, 'adopt', history === undefined ? {} : { history });
  } catch (error) {
    if (error instanceof CompileError) return null;
    throw error;
  }
}
