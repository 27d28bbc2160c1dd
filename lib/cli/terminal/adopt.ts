/** Prints what `adopt` understood, proved and wrote, as text or JSON. */

import { toSingleLine } from '../../../lambda/audit/suppressions';
import { quoteIdentifier } from '../../../lambda/sql/quote';
import type { BaselineEntry } from '../../adopt/baseline-entry';
import type { ConversionResult } from '../../adopt/convert';
import type { EntryState, EntryStatus } from '../../adopt/entry';
import type { LedgerSearch } from '../../adopt/ledger';
import type { ParsedToolFolder } from '../../adopt/tools';
import { formatNotCheckedLines } from '../../audit/words';
import type { LedgerProof, LiveDatabase } from '../database/prove';
import { EXIT, type ExitCode } from '../exit-codes';
import { formatCount, printHanging, type Terminal } from './terminal';

export interface AdoptResult {
  readonly understood: ParsedToolFolder;
  /** Name of the database; absent if none was given. */
  readonly label?: string;
  readonly search?: LedgerSearch;
  readonly judged?: readonly EntryStatus[];
  readonly live?: LiveDatabase;
  /** The baseline that replaces the files, with `--baseline`. */
  readonly found?: BaselineEntry;
  /**
   * Whether Knex's lock is held.
   * @default false
   */
  readonly locked?: boolean;
  /** Absent if no ledger was found. */
  readonly proved?: LedgerProof;
  readonly output?: { readonly folder: string; readonly converted: ConversionResult };
}

/** States that a person must check: the ledger counts the file as applied, or only half of it is applied. */
const OPEN_STATES: readonly EntryState[] = ['failed', 'skipped', 'stamped'];

export function getAdoptExitCode({ judged = [], proved, locked = false }: AdoptResult): ExitCode {
  const open = judged.some(({ state }) => OPEN_STATES.includes(state));
  return open || locked || (proved?.proof.findings.length ?? 0) > 0 ? EXIT.found : EXIT.ok;
}

export function printAdoptResult(terminal: Terminal, adopted: AdoptResult): void {
  const { out } = terminal;
  const { understood, judged } = adopted;
  const { rules, folder, content } = understood;
  out.line(
    `${out.colors.bold(folder)}: ${formatCount(content.entries.length, 'migration')} of ${rules.tool}.`,
  );
  for (const { file, why } of content.passed)
    printHanging(out, '  skipped file  ', `${toSingleLine(file)}: ${why}`);
  if (judged === undefined) printEntries(terminal, adopted);
  else {
    printLedger(terminal, adopted, judged);
    printProof(terminal, adopted);
    printOutput(terminal, adopted);
  }
}

function printEntries({ out }: Terminal, { understood }: AdoptResult): void {
  for (const { key, sql, repeatable } of understood.content.entries) {
    const what = sql === null ? '  (code)' : repeatable ? '  (repeatable)' : '';
    out.line(`  ${toSingleLine(key)}${what}`);
  }
  printHanging(out, '', 'With --database-url, the ledger is compared with the database.');
}

const STATES: readonly EntryState[] = ['failed', 'skipped', 'stamped', 'edited', 'pending', 'applied'];

function printLedger(
  { out }: Terminal,
  { understood, label, search, found, locked }: AdoptResult,
  judged: readonly EntryStatus[],
): void {
  const { tool } = understood.rules;
  const { ledger, others } = search!;
  if (ledger === null) {
    const seen = others.length > 0 ? ` (${others.join(', ')} records none of them)` : '';
    printHanging(
      out,
      '',
      `${label}: no ledger of ${tool} with a file of this folder was found${seen}, so all are pending, and nothing can be compared.`,
    );
    return;
  }
  const counts = [...STATES].reverse().flatMap((state) => {
    const count = judged.filter((each) => each.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  printHanging(out, '', `${label}: according to ${ledger.table}: ${counts.join(', ')}.`);
  for (const state of STATES.filter((each) => each !== 'applied'))
    for (const { entry, why } of judged.filter((each) => each.state === state))
      printHanging(out, `  ${state}  `, `${toSingleLine(entry.key)}${why ? `: ${why}` : ''}`);
  for (const key of ledger.judgment.strangers)
    printHanging(
      out,
      '  no file  ',
      `${toSingleLine(key)}: the ledger records it, but the folder has no such file`,
    );
  if (locked)
    printHanging(
      out,
      '  locked  ',
      `${tool}'s lock is held: ${tool} is running now, or was killed during a migration, which may be partly applied`,
    );
  if (found && judged.some(({ state }) => state === 'pending'))
    printHanging(
      out,
      '',
      `The baseline does not contain pending migrations: apply them with ${tool} and adopt again, or write them as new migrations.`,
    );
}

function printProof({ out }: Terminal, { proved, label, found }: AdoptResult): void {
  if (!proved) return;
  const { proof, notReplayed } = proved;
  for (const { kind, id, object, message, migrations, database, entry } of proof.findings) {
    out.line(`  ${out.colors.red(kind)}  ${id}  ${toSingleLine(object)}`);
    printHanging(out, '    ', toSingleLine(message));
    if (migrations)
      printHanging(out, '    - ', toSingleLine(`from the migrations: ${migrations.replace(/\s+/g, ' ')}`));
    if (database)
      printHanging(out, '    - ', toSingleLine(`in the database: ${database.replace(/\s+/g, ' ')}`));
    if (entry) printHanging(out, '    - ', `first named in ${toSingleLine(entry)}`);
  }
  for (const { entry, line, why } of notReplayed)
    printHanging(
      out,
      '  not replayed  ',
      `${toSingleLine(entry.file)}${line === null ? '' : `:${line}`}: ${toSingleLine(why)}`,
    );
  for (const line of formatNotCheckedLines(proof.notChecked)) printHanging(out, '  not checked  ', line);
  for (const why of found?.unwritten ?? []) printHanging(out, '  not written  ', toSingleLine(why));
  const { migrations, database } = proof.compared;
  const differences =
    proof.findings.length === 0 ? 'no difference' : formatCount(proof.findings.length, 'difference');
  printHanging(
    out,
    '',
    `${label}: ${differences}; ${migrations} objects of the ${found ? 'baseline' : 'applied migrations'} compared with ${database} of the database.`,
  );
}

function printOutput({ out }: Terminal, { output, understood, search, live }: AdoptResult): void {
  if (!output) return;
  const { folder, converted } = output;
  out.line();
  out.line(`${formatCount(converted.files.length, 'file')} in ${out.colors.bold(folder)}.`);
  for (const note of converted.notes) printHanging(out, '  ', note);
  out.line('Next:');
  out.line(`  trueup check --run ${folder}`);
  if (converted.baseline !== null) out.line(`  trueup baseline ${converted.baseline} ${folder}`);
  const { ledger } = search!;
  if (ledger && live) {
    const { tool } = understood.rules;
    printHanging(
      out,
      '',
      `Then remove ${tool} from the deployment. To make sure that it applies nothing more, run this as the ledger's owner:`,
    );
    for (const statement of buildLedgerLockSql(ledger.table, live)) out.line(`  ${statement}`);
  }
}

/** Builds SQL that prevents the other tool from recording anything more. */
export const buildLedgerLockSql = (
  table: string,
  { owner, ownerIsSuperuser }: Pick<LiveDatabase, 'owner' | 'ownerIsSuperuser'>,
): readonly string[] => (ownerIsSuperuser ? buildTriggerSql(table) : [buildRevokeSql(table, owner)]);

const buildRevokeSql = (table: string, owner: string): string =>
  `REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ${table} FROM PUBLIC, ${quoteIdentifier(owner)};`;

/** Used if the owner is a superuser, whom a REVOKE does not affect. */
const buildTriggerSql = (table: string): readonly string[] => [
  "CREATE FUNCTION public.taken_over() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'Trueup has taken over'; END $$;",
  `CREATE TRIGGER taken_over BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table} EXECUTE FUNCTION public.taken_over();`,
];

export function buildAdoptJson({
  understood,
  search,
  judged,
  proved,
  output,
  found,
  locked,
}: AdoptResult): object {
  const { rules, folder, content } = understood;
  const states = new Map(
    (judged ?? []).map(({ entry, state, why }) => [entry.file, { state, why: why ?? null }]),
  );
  const names = new Map((output?.converted.files ?? []).map(({ entry, name }) => [entry.file, name]));
  return {
    tool: rules.tool,
    folder,
    entries: content.entries.map((entry) => ({
      key: entry.key,
      file: entry.file,
      transaction: entry.transaction,
      code: entry.sql === null,
      ...states.get(entry.file),
      ...(names.has(entry.file) ? { name: names.get(entry.file) } : {}),
    })),
    passed: content.passed,
    ledger: search?.ledger?.table ?? null,
    withoutFile: search?.ledger?.judgment.strangers ?? [],
    locked: locked ?? false,
    notWritten: found?.unwritten ?? [],
    findings: proved?.proof.findings ?? [],
    notReplayed: (proved?.notReplayed ?? []).map(({ entry, line, why }) => ({ entry: entry.key, line, why })),
    notChecked: proved?.proof.notChecked ?? [],
    compared: proved?.proof.compared ?? null,
    output: output
      ? { folder: output.folder, baseline: output.converted.baseline, notes: output.converted.notes }
      : null,
  };
}
