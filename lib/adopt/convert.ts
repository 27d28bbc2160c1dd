/** A foreign folder in our form: one file an entry, history marked, and `verify` drafted from what each one made. */

import { oneLine } from '../../lambda/audit/accepted';
import type { Catalogue } from '../../lambda/audit/catalogue';
import type { Manifest } from '../../lambda/contract/manifest';
import type { Tool } from '../../lambda/engine/ledger/other-tools';
import { heldBy, type LedgerRows } from '../../lambda/engine/plan/other-tools';
import { compileFiles } from '../compiler';
import { CompileError } from '../compiler/problem';
import { type Entry, isApplied, type Judged } from './entry';
import { ourNames } from './names';
import { mayCommit, statementsOf, withLocalSettings, withoutTransactions } from './statements';
import { draftedVerify } from './verify';

export interface ConvertInput {
  readonly tool: Tool;
  readonly judged: readonly Judged[];
  readonly rows: LedgerRows;
  /** What a server of our own has after the applied ones, and after those still to come. */
  readonly applied: Catalogue;
  readonly end: Catalogue;
}

export interface Converted {
  /** By the order in which they are applied. */
  readonly files: readonly { readonly name: string; readonly entry: Entry; readonly text: string }[];
  /** The newest that is applied: what `trueup baseline` is given. Null where none is. */
  readonly baseline: string | null;
  /** What is otherwise than in the other's files, sentences. */
  readonly notes: readonly string[];
}

interface Draft extends Judged {
  readonly name: string;
  readonly up: string;
}

export async function convert({ tool, judged, rows, applied, end }: ConvertInput): Promise<Converted> {
  const names = ourNames(judged.map(({ entry }) => entry));
  const notes: string[] = [];
  const drafts = judged.map((each, i): Draft => {
    const { entry } = each;
    const { sql: whole, lines } = withoutTransactions(entry.file, entry.sql!);
    if (lines.length > 0)
      notes.push(`${names[i]}: BEGIN and COMMIT are left out; the file is one transaction.`);
    const { sql, lines: settings } = withLocalSettings(entry.file, whole);
    if (settings.length > 0)
      notes.push(
        `${names[i]}: SET holds for the file alone; timeouts and SET TRANSACTION are left out, which Trueup sets.`,
      );
    if ((statementsOf(entry.file, sql) ?? []).some(mayCommit))
      notes.push(
        `${names[i]}: a CALL or DO of it may COMMIT. If it does, a new database refuses it, since the file is one transaction: rewrite it.`,
      );
    for (const line of entry.ledgerLines ?? [])
      notes.push(`${names[i]}: a statement on the ledger of ${tool} is left out (${entry.file}:${line}).`);
    return { ...each, name: names[i]!, up: withoutOurMarks(sql) };
  });
  const manifest = await compiled(drafts);
  for (const { name, history } of manifest?.migrations ?? [])
    if (history?.cannotRun)
      notes.push(
        `${name}: a new database refuses it, ${history.cannotRun.replace(/^line \d+: /, '')}. Correct it where new databases are made of this folder.`,
      );
  const baseline =
    drafts.filter(({ entry, state }) => !entry.repeatable && isApplied(state)).at(-1)?.name ?? null;
  const recognized = new Set(
    heldBy(
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
      `${unknown[0]!.name}${unknown.length === 1 ? '' : ` and ${unknown.length - 1} more`}: the ledger of ${tool} does not know this name. Until \`trueup baseline\` has recorded it, Trueup cannot tell that it is applied: run that before the first \`trueup up\` or deployment.`,
    );
  let proven: readonly string[] = [];
  const files = drafts.map((draft) => {
    const { name, entry, state } = draft;
    const migration = manifest?.migrations.find((each) => each.name === name);
    const atEnd = migration ? draftedVerify(migration, end) : [];
    const now = new Set(migration ? draftedVerify(migration, applied) : []);
    let verify = isApplied(state) ? atEnd.filter((query) => now.has(query)) : atEnd;
    let remark = DRAFTED;
    if (verify.length > 0 && isApplied(state)) proven = verify.slice(0, 1);
    else if (verify.length === 0 && isApplied(state) && !recognized.has(name) && !entry.repeatable) {
      verify = proven;
      remark = BORROWED;
    }
    const undo = migration?.undo === 'automatic' && entry.down !== undefined && entry.down !== '';
    return { name, entry, text: textOf(draft, { tool, verify, remark, undo, isNewest: name === baseline }) };
  });
  return { files, baseline, notes };
}

const DRAFTED = '-- Drafted by trueup adopt: what this made, as far as it is there at the end.';
const BORROWED =
  '-- Nothing of this migration can be asked for. This asks what an earlier one made, so that a new database is told\n-- from one that was taken over.';

interface Parts {
  readonly tool: Tool;
  readonly verify: readonly string[];
  readonly remark: string;
  readonly undo: boolean;
  readonly isNewest: boolean;
}

function textOf({ entry, state, why, up }: Draft, { tool, verify, remark, undo, isNewest }: Parts): string {
  const { key, file, words, repeatable } = entry;
  const lines = [
    `-- ${oneLine(words) || 'Taken over'}.`,
    `-- From ${tool}: ${oneLine(key)} (${oneLine(file)}).`,
    '',
  ];
  if (isNewest) lines.push(`-- migrate:history applied with ${tool} until ${oneLine(key)}`, '');
  if (state === 'skipped' || state === 'failed')
    lines.push(`-- migrate:decide ${tool} ${WORDS[state]}: ${oneLine(why ?? '')}`, '');
  if (repeatable && verify.length === 0) lines.push(`-- migrate:unproved taken over from ${tool}`, '');
  lines.push('-- migrate:up', up.trim());
  if (verify.length > 0) lines.push('', '-- migrate:verify', remark, ...verify.map((query) => `${query};`));
  if (undo) lines.push('', '-- migrate:down', withoutOurMarks(entry.down!).trim());
  return `${lines.join('\n')}\n`;
}

const WORDS = { skipped: 'never ran this', failed: 'has not finished this' } as const;

/** Nothing of theirs is taken for a marker of ours. */
const withoutOurMarks = (sql: string): string => sql.replace(/^([ \t]*--+\s*)migrate\s*:/gim, '$1migrate, ');

/** All as history: no rule of ours stops it. Null where even that is not enough. */
async function compiled(drafts: readonly Draft[]): Promise<Manifest | null> {
  const files = drafts.map(({ name, entry, up }) => {
    const down = entry.repeatable || !entry.down ? '' : `\n\n-- migrate:down\n${withoutOurMarks(entry.down)}`;
    const directive = entry.repeatable ? '-- migrate:unproved draft\n' : '';
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
