import type { Command } from 'commander';
import type { Report } from '../../../lambda/contract/converge';
import type { Manifest } from '../../../lambda/contract/manifest';
import { formatProblem, type Problem } from '../../compiler/problem';
import { merge } from '../../workload/workload';
import { tryOnScratch } from '../database/scratch';
import { EXIT, type ExitCode } from '../exit-codes';
import { compile, namespaceOf } from '../folder';
import { majorVersion, withFolder, withMaxUndecided } from '../options';
import { sinceRevision } from '../since';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { printRehearsal, rehearsalExitCode } from '../terminal/rehearsal';
import { printError } from '../terminal/report';
import { type GlobalOptions, plural, type Terminal } from '../terminal/terminal';
import { fromFile, repeated } from '../workload-sources';
import { printVerification } from './verify';

interface Options extends GlobalOptions {
  readonly run?: boolean;
  readonly major?: number;
  readonly workload?: readonly string[];
  readonly since?: string;
  readonly maxUndecided: number;
}

export function registerCheck(program: Command): void {
  const command = withFolder(program.command('check'))
    .description(
      "Reads every file with PostgreSQL's own parser and says, with line and caret, what does not parse, cannot work " +
        'or is dangerous. With --run it also applies everything to a temporary, empty PostgreSQL and verifies it.',
    )
    .option('--run', 'apply everything to an empty PostgreSQL, started for this and removed afterwards')
    .option(
      '--major <version>',
      'with --run: PostgreSQL version, where installed (default: the newest)',
      majorVersion,
    )
    .option(
      '--workload <file>',
      'with --run: statements that must plan after the last migration; may be repeated',
      repeated,
    )
    .option(
      '--since <revision>',
      'with --workload: the application of this commit is running; each later migration is guarded as in a deployment',
    );
  withMaxUndecided(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    const warnings: Problem[] = [];
    const manifest = await compile(folder!, { warn: (warning) => warnings.push(warning) });
    if (!terminal.json) for (const warning of warnings) terminal.err.line(`${formatProblem(warning)}\n`);
    if (options.since !== undefined && options.workload === undefined)
      throw new UsageError('--since needs --workload', 'Give the file of what the application sends.');
    if (options.run || options.major !== undefined || options.workload !== undefined)
      return run(terminal, options, folder!, manifest, warnings);
    const result = summarize(folder!, manifest, warnings);
    if (terminal.json) printJson(terminal, result);
    else terminal.out.line(sentence(result));
    return EXIT.ok;
  });
}

interface Checked {
  readonly folder: string;
  readonly manifestHash: string;
  readonly migrations: readonly {
    readonly name: string;
    readonly statements: number;
    readonly undo: string;
    readonly unproved: string | null;
  }[];
  /** What is read otherwise than it is written, or passed over. */
  readonly warnings: readonly Problem[];
}

const summarize = (folder: string, manifest: Manifest, warnings: readonly Problem[]): Checked => ({
  folder,
  manifestHash: manifest.hash,
  warnings,
  migrations: manifest.migrations.map(({ name, statements, undo, unproved }) => ({
    name,
    statements: statements.length,
    undo,
    unproved,
  })),
});

function sentence({ folder, migrations }: Checked): string {
  if (migrations.length === 0) return `${folder} has no migration yet; \`trueup new NAME\` begins one.`;
  const statements = migrations.reduce((sum, each) => sum + each.statements, 0);
  const unproved = migrations.filter((each) => each.unproved !== null);
  const proof = unproved.length === 0 ? '' : ` ${unproved.length} without a verify section.`;
  return `${folder}: ${plural(migrations.length, 'migration')}, ${plural(statements, 'statement')}, nothing wrong.${proof}`;
}

async function run(
  terminal: Terminal,
  { major, workload: files, maxUndecided, since: revision }: Options,
  folder: string,
  manifest: Manifest,
  warnings: readonly Problem[],
): Promise<ExitCode> {
  const workload = files && merge(files.map(fromFile)).entries;
  const since =
    revision === undefined || !files ? undefined : await sinceRevision(terminal, revision, folder, files);
  const namespace = namespaceOf(folder, undefined);
  const trial = await tryOnScratch(terminal, manifest, namespace, { major, workload, since });
  const { outcome, verification, serverVersion, rehearsal } = trial;
  if (terminal.json) printJson(terminal, { ...summarize(folder, manifest, warnings), run: trial });
  else if (outcome.status === 'failed') printError(terminal.err, outcome.error);
  else if (outcome.status === 'continue') terminal.err.line(`Not finished: ${outcome.progress}.`);
  else if (verification) {
    terminal.out.line(sentence(summarize(folder, manifest, warnings)));
    const where = `an empty PostgreSQL ${serverVersion}`;
    for (const warning of outcome.report.warnings)
      terminal.err.line(`${terminal.err.colors.yellow('warning')}  ${warning}`);
    printVerification(terminal, verification, where);
    if (since) terminal.out.line(guardedSince(since.revision, outcome.report));
    if (rehearsal) printRehearsal(terminal, rehearsal, where, maxUndecided);
  }
  const plans = rehearsal === null || rehearsalExitCode(rehearsal, maxUndecided) === EXIT.ok;
  const fine = verification?.findings.length === 0 && verification.errors.length === 0 && plans;
  return fine ? EXIT.ok : EXIT.failed;
}

/** What is applied at the end and was not before. */
function guardedSince(revision: string, { applied, workload }: Report): string {
  const by = plural(workload?.running ?? 0, 'statement');
  return `Since ${revision}: ${plural(applied.length, 'migration')}, guarded by ${by} of the running application.`;
}
