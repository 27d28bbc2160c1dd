import type { Command } from 'commander';
import type { Manifest } from '../../../lambda/engine/manifest';
import { setAction } from '../action';
import { EXIT, type ExitCode } from '../exit-codes';
import { compile, namespaceOf } from '../folder';
import { printJson } from '../json';
import { majorVersion, withFolder } from '../options';
import { printError } from '../report';
import { tryOnScratch } from '../scratch';
import { type GlobalOptions, plural, type Terminal } from '../terminal';
import { printVerification } from './verify';

interface Options extends GlobalOptions {
  readonly run?: boolean;
  readonly major?: number;
}

export function registerCheck(program: Command): void {
  const command = withFolder(
    program.command('check').summary('are the files right? Nothing but the files is needed'),
  )
    .description(
      "Reads every file with PostgreSQL's own parser and says, with line and caret, what does not parse, cannot work " +
        'or is dangerous. With --run it also applies everything to an empty PostgreSQL of its own and proves it.',
    )
    .option('--run', 'apply everything to an empty PostgreSQL, started for this and removed afterwards')
    .option(
      '--major <version>',
      'with --run: PostgreSQL version, where installed (default: the newest)',
      majorVersion,
    );
  setAction<Options>(command, async (terminal, options, folder) => {
    const manifest = await compile(folder!);
    if (options.run || options.major !== undefined) return run(terminal, options, folder!, manifest);
    const result = describe(folder!, manifest);
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
}

const describe = (folder: string, manifest: Manifest): Checked => ({
  folder,
  manifestHash: manifest.hash,
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
  { major }: Options,
  folder: string,
  manifest: Manifest,
): Promise<ExitCode> {
  const trial = await tryOnScratch(terminal, manifest, namespaceOf(folder, undefined), major);
  const { outcome, verification, serverVersion } = trial;
  if (terminal.json) printJson(terminal, { ...describe(folder, manifest), run: trial });
  else if (outcome.status === 'failed') printError(terminal.err, outcome.error);
  else if (outcome.status === 'continue') terminal.err.line(`Not finished: ${outcome.progress}.`);
  else if (verification) {
    terminal.out.line(sentence(describe(folder, manifest)));
    printVerification(terminal, verification, `an empty PostgreSQL ${serverVersion}`);
  }
  const fine = verification?.findings.length === 0 && verification.errors.length === 0;
  return fine ? EXIT.ok : EXIT.failed;
}
