import type { Command } from 'commander';
import type { Manifest } from '../../../lambda/contract/manifest';
import { formatProblem, type Problem } from '../../compiler/problem';
import { merge } from '../../workload/workload';
import { tryOnScratch } from '../database/scratch';
import { EXIT, type ExitCode } from '../exit-codes';
import { compile, namespaceOf } from '../folder';
import { majorVersion, withFolder, withMaxUndecided } from '../options';
import { setAction } from '../terminal/action';
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
    );
  withMaxUndecided(command);
  setAction<Options>(command, async (terminal, options, folder) => {
    const warnings: Problem[] = [];
    const manifest = await compile(folder!, { warn: (warning) => warnings.push(warning) });
    if (!terminal.json) for (const warning of warnings) terminal.err.line(`${formatProblem(warning)}\n`);
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
  { major, workload: files, maxUndecided }: Options,
  folder: string,
  manifest: Manifest,
  warnings: readonly Problem[],
): Promise<ExitCode> {
  const workload = files && merge(files.map(fromFile)).entries;
  const trial = await tryOnScratch(terminal, manifest, namespaceOf(folder, undefined), { major, workload });
  const { outcome, verification, serverVersion, rehearsal } = trial;
  if (terminal.json) printJson(terminal, { ...summarize(folder, manifest, warnings), run: trial });
  else if (outcome.status === 'failed') printError(terminal.err, outcome.error);
  else if (outcome.status === 'continue') terminal.err.line(`Not finished: ${outcome.progress}.`);
  else if (verification) {
    terminal.out.line(sentence(summarize(folder, manifest, warnings)));
    const where = `an empty PostgreSQL ${serverVersion}`;
    printVerification(terminal, verification, where);
    if (rehearsal) printRehearsal(terminal, rehearsal, where, maxUndecided);
  }
  const plans = rehearsal === null || rehearsalExitCode(rehearsal, maxUndecided) === EXIT.ok;
  const fine = verification?.findings.length === 0 && verification.errors.length === 0 && plans;
  return fine ? EXIT.ok : EXIT.failed;
}
