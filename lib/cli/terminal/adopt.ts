/** What `adopt` understood, proved and wrote, in words and as JSON. */

import { oneLine } from '../../../lambda/audit/accepted';
import { quoteIdentifier } from '../../../lambda/sql/quote';
import type { AsFound } from '../../adopt/baseline';
import type { Converted } from '../../adopt/convert';
import type { Judged, State } from '../../adopt/entry';
import type { LedgerSearch } from '../../adopt/ledger';
import type { Understood } from '../../adopt/tools';
import { notSeenLines } from '../../audit/words';
import type { Live, Proved } from '../database/prove';
import { EXIT, type ExitCode } from '../exit-codes';
import { hang, plural, type Terminal } from './terminal';

export interface Adopted {
  readonly understood: Understood;
  /** Missing without a database. */
  readonly label?: string;
  readonly search?: LedgerSearch;
  readonly judged?: readonly Judged[];
  readonly live?: Live;
  /** With `--baseline`: what is taken in place of the files. */
  readonly found?: AsFound;
  /** Knex's lock is taken. @default false */
  readonly locked?: boolean;
  /** Missing where no ledger was found. */
  readonly proved?: Proved;
  readonly output?: { readonly folder: string; readonly converted: Converted };
}

/** What a person must look at: the ledger counts it as applied, or half of it is. */
const OPEN: readonly State[] = ['failed', 'skipped', 'stamped'];

export function adoptExitCode({ judged = [], proved, locked = false }: Adopted): ExitCode {
  const open = judged.some(({ state }) => OPEN.includes(state));
  return open || locked || (proved?.proof.findings.length ?? 0) > 0 ? EXIT.found : EXIT.ok;
}

export function printAdopted(terminal: Terminal, adopted: Adopted): void {
  const { out } = terminal;
  const { understood, judged } = adopted;
  const { rules, folder, content } = understood;
  out.line(`${out.colors.bold(folder)}: ${plural(content.entries.length, 'migration')} of ${rules.tool}.`);
  for (const { file, why } of content.passed) hang(out, '  passed over  ', `${oneLine(file)}: ${why}`);
  if (judged === undefined) printEntries(terminal, adopted);
  else {
    printLedger(terminal, adopted, judged);
    printProof(terminal, adopted);
    printOutput(terminal, adopted);
  }
}

function printEntries({ out }: Terminal, { understood }: Adopted): void {
  for (const { key, sql, repeatable } of understood.content.entries) {
    const what = sql === null ? '  (code)' : repeatable ? '  (repeatable)' : '';
    out.line(`  ${oneLine(key)}${what}`);
  }
  hang(out, '', 'With --database-url, what the ledger says of them is proved.');
}

const STATES: readonly State[] = ['failed', 'skipped', 'stamped', 'edited', 'pending', 'applied'];

function printLedger(
  { out }: Terminal,
  { understood, label, search, found, locked }: Adopted,
  judged: readonly Judged[],
): void {
  const { tool } = understood.rules;
  const { ledger, others } = search!;
  if (ledger === null) {
    const seen = others.length > 0 ? ` (${others.join(', ')} has none of them)` : '';
    hang(
      out,
      '',
      `${label}: no ledger of ${tool} with a file of this folder was found${seen}, so all are pending, and nothing can be proved.`,
    );
    return;
  }
  const counts = [...STATES].reverse().flatMap((state) => {
    const count = judged.filter((each) => each.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  hang(out, '', `${label}: ${ledger.table} says: ${counts.join(', ')}.`);
  for (const state of STATES.filter((each) => each !== 'applied'))
    for (const { entry, why } of judged.filter((each) => each.state === state))
      hang(out, `  ${state}  `, `${oneLine(entry.key)}${why ? `: ${why}` : ''}`);
  for (const key of ledger.judgement.strangers)
    hang(out, '  no file  ', `${oneLine(key)}: the ledger has it, and the folder has not`);
  if (locked)
    hang(
      out,
      '  locked  ',
      `${tool}'s lock is taken: it is running now, or was killed in a migration, which may be in the database in part`,
    );
  if (found && judged.some(({ state }) => state === 'pending'))
    hang(
      out,
      '',
      `What is pending is not in the baseline: apply it with ${tool} and adopt again, or write it anew.`,
    );
}

function printProof({ out }: Terminal, { proved, label, found }: Adopted): void {
  if (!proved) return;
  const { proof, notReplayed } = proved;
  for (const { kind, id, object, message, migrations, database, entry } of proof.findings) {
    out.line(`  ${out.colors.red(kind)}  ${id}  ${oneLine(object)}`);
    hang(out, '    ', oneLine(message));
    if (migrations)
      hang(out, '    - ', oneLine(`as the migrations make it: ${migrations.replace(/\s+/g, ' ')}`));
    if (database) hang(out, '    - ', oneLine(`in the database: ${database.replace(/\s+/g, ' ')}`));
    if (entry) hang(out, '    - ', `first named in ${oneLine(entry)}`);
  }
  for (const { entry, line, why } of notReplayed)
    hang(
      out,
      '  not replayed  ',
      `${oneLine(entry.file)}${line === null ? '' : `:${line}`}: ${oneLine(why)}`,
    );
  for (const line of notSeenLines(proof.notSeen)) hang(out, '  not seen  ', line);
  for (const why of found?.unwritten ?? []) hang(out, '  not written  ', oneLine(why));
  const { migrations, database } = proof.compared;
  const differences =
    proof.findings.length === 0 ? 'no difference' : plural(proof.findings.length, 'difference');
  hang(
    out,
    '',
    `${label}: ${differences}; ${migrations} objects of the ${found ? 'baseline' : 'applied migrations'} compared with ${database} of the database.`,
  );
}

function printOutput({ out }: Terminal, { output, understood, search, live }: Adopted): void {
  if (!output) return;
  const { folder, converted } = output;
  out.line();
  out.line(`${plural(converted.files.length, 'file')} in ${out.colors.bold(folder)}.`);
  for (const note of converted.notes) hang(out, '  ', note);
  out.line('Next:');
  out.line(`  trueup check --run ${folder}`);
  if (converted.baseline !== null) out.line(`  trueup baseline ${converted.baseline} ${folder}`);
  const { ledger } = search!;
  if (ledger && live) {
    const { tool } = understood.rules;
    hang(
      out,
      '',
      `Then take ${tool} out of the deployment. This, run by the ledger's owner, makes sure that it applies nothing more:`,
    );
    for (const statement of offerFor(ledger.table, live)) out.line(`  ${statement}`);
  }
}

/** So that the other tool records nothing more. */
export const offerFor = (
  table: string,
  { owner, ownerIsSuperuser }: Pick<Live, 'owner' | 'ownerIsSuperuser'>,
): readonly string[] => (ownerIsSuperuser ? trigger(table) : [revoke(table, owner)]);

const revoke = (table: string, owner: string): string =>
  `REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ${table} FROM PUBLIC, ${quoteIdentifier(owner)};`;

/** For a superuser, who may do what was revoked. */
const trigger = (table: string): readonly string[] => [
  "CREATE FUNCTION public.taken_over() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'Trueup has taken over'; END $$;",
  `CREATE TRIGGER taken_over BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table} EXECUTE FUNCTION public.taken_over();`,
];

export function adoptJson({ understood, search, judged, proved, output, found, locked }: Adopted): object {
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
    withoutFile: search?.ledger?.judgement.strangers ?? [],
    locked: locked ?? false,
    notWritten: found?.unwritten ?? [],
    findings: proved?.proof.findings ?? [],
    notReplayed: (proved?.notReplayed ?? []).map(({ entry, line, why }) => ({ entry: entry.key, line, why })),
    notSeen: proved?.proof.notSeen ?? [],
    compared: proved?.proof.compared ?? null,
    output: output
      ? { folder: output.folder, baseline: output.converted.baseline, notes: output.converted.notes }
      : null,
  };
}
