/** What `check` says, in words and as JSON. */
import type { Report } from '../../../lambda/contract/converge';
import type { Manifest } from '../../../lambda/contract/manifest';
import { formatProblem, type Problem } from '../../compiler/problem';
import { printVerification } from '../commands/verify';
import type { Trial } from '../database/scratch';
import { printJson } from './json';
import { printRehearsal } from './rehearsal';
import { printError } from './report';
import { plural, type Terminal } from './terminal';

export interface Checked {
  readonly folder: string;
  /** Null where the folder does not compile. */
  readonly manifest: Manifest | null;
  /** What is read otherwise than it is written, or passed over. */
  readonly warnings: readonly Problem[];
  /** With `--since`. */
  readonly since?: {
    readonly revision: string;
    /** Files that are new, or not what they were. */
    readonly changed: readonly string[];
    /** How much is wrong in the others, and was before. */
    readonly hidden: number;
  };
}

export interface Ran {
  readonly trial: Trial;
  /** Percent. */
  readonly maxUndecided: number;
  /** The commit whose application is taken to be running. */
  readonly guardedSince?: string;
  /** It began with the folder's base. @default false */
  readonly hasBase?: boolean;
}

export function printChecked(terminal: Terminal, checked: Checked, ran?: Ran): void {
  if (terminal.json) printJson(terminal, { ...summary(checked), ...(ran ? { run: ran.trial } : {}) });
  else {
    for (const warning of checked.warnings) terminal.err.line(`${formatProblem(warning)}\n`);
    if (ran) printRan(terminal, checked, ran);
    else terminal.out.line(sentence(checked));
  }
}

const summary = ({ folder, manifest, warnings, since }: Checked) => ({
  folder,
  manifestHash: manifest?.hash ?? null,
  warnings,
  ...(since ? { since } : {}),
  migrations: (manifest?.migrations ?? []).map(({ name, statements, undo, unproved }) => ({
    name,
    statements: statements.length,
    undo,
    unproved,
  })),
});

export function sentence({ folder, manifest, since }: Checked): string {
  const hidden =
    since && since.hidden > 0
      ? ` ${plural(since.hidden, 'problem')} that ${since.revision} has too not shown.`
      : '';
  if (manifest === null) return `${folder} does not compile, and not because of this change.${hidden}`;
  const { migrations } = manifest;
  if (migrations.length === 0) return `${folder} has no migration yet; \`trueup new NAME\` begins one.`;
  const statements = migrations.reduce((sum, each) => sum + each.statements.length, 0);
  const unproved = migrations.filter((each) => each.unproved !== null);
  const proof = unproved.length === 0 ? '' : ` ${unproved.length} without a verify section.`;
  const changed = since ? ` ${plural(since.changed.length, 'file')} changed since ${since.revision}.` : '';
  return `${folder}: ${plural(migrations.length, 'migration')}, ${plural(statements, 'statement')}, nothing wrong.${proof}${changed}${hidden}`;
}

function printRan(
  terminal: Terminal,
  checked: Checked,
  { trial, maxUndecided, guardedSince, hasBase }: Ran,
): void {
  const { outcome, verification, serverVersion, rehearsal } = trial;
  if (outcome.status === 'failed') printError(terminal.err, outcome.error);
  if (outcome.status === 'continue') terminal.err.line(`Not finished: ${outcome.progress}.`);
  if (!verification) return;
  terminal.out.line(sentence(checked));
  const where = `${hasBase ? 'the base, on a' : 'an empty'} PostgreSQL ${serverVersion}`;
  for (const warning of outcome.report.warnings)
    terminal.err.line(`${terminal.err.colors.yellow('warning')}  ${warning}`);
  printVerification(terminal, verification, where);
  if (guardedSince !== undefined) terminal.out.line(guarded(guardedSince, outcome.report));
  if (rehearsal) printRehearsal(terminal, rehearsal, where, maxUndecided);
}

/** What is applied at the end and was not before. */
function guarded(revision: string, { applied, workload }: Report): string {
  const by = plural(workload?.running ?? 0, 'statement');
  return `Since ${revision}: ${plural(applied.length, 'migration')}, guarded by ${by} of the running application.`;
}
