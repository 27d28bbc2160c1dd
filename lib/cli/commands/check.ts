import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Manifest } from '../../../lambda/contract/manifest';
import { BASE, FIRST } from '../../audit/write/structure';
import { CompileError, type Problem } from '../../compiler/problem';
import { failureAnnotation } from '../../report/github';
import type { ReportItem } from '../../report/item';
import { itemsOfProblems, itemsOfTrial } from '../../report/of-check';
import { CHECK_RULES } from '../../report/rules';
import { merge } from '../../workload/workload';
import { type Change, changeSince } from '../changed';
import { tryOnScratch } from '../database/scratch';
import { EXIT, type ExitCode } from '../exit-codes';
import { compile, namespaceOf } from '../folder';
import { type FormatOptions, formatOf, printItems, withFormat } from '../formats';
import { pathInRepository } from '../git';
import { majorVersion, withFolder, withMaxUndecided } from '../options';
import { sinceRevision } from '../since';
import { setAction } from '../terminal/action';
import { type Checked, printChecked, type Ran, sentence } from '../terminal/check';
import { failureOf } from '../terminal/failure';
import { rehearsalExitCode } from '../terminal/rehearsal';
import type { Terminal } from '../terminal/terminal';
import { fromFile, repeated } from '../workload-sources';

interface Options extends FormatOptions {
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
      'show only what came with this change; with --workload, also guard each later migration by what the application ' +
        'of this commit sends, as a deployment does',
    );
  withFormat(withMaxUndecided(command));
  setAction<Options>(command, async (terminal, options, folder) => {
    const format = formatOf(options);
    try {
      return await check(terminal, { ...options, format }, folder!);
    } catch (error) {
      if (format === 'github' && !(error instanceof CompileError)) {
        const { message, remedy } = failureOf(error).error;
        terminal.out.line(failureAnnotation(message, remedy));
      }
      throw error;
    }
  });
}

async function check(terminal: Terminal, options: Options, folder: string): Promise<ExitCode> {
  const { run, major, workload } = options;
  const { manifest, problems, warnings, error } = await compiled(folder);
  const change = options.since === undefined ? undefined : await changeSince(options.since, folder);
  const ofChange = (all: readonly Problem[]) => (change ? all.filter(change.isOfIt) : all);
  const shown = { problems: ofChange(problems), warnings: ofChange(warnings) };
  const wanted = run === true || major !== undefined || workload !== undefined;
  // What does not compile cannot be run, whoever wrote it.
  const failing = wanted && manifest === null ? problems : shown.problems;
  const pathOf = pathInRepository(folder);
  const items: ReportItem[] = [
    ...itemsOfProblems(failing, 'error', pathOf),
    ...itemsOfProblems(shown.warnings, 'warning', pathOf),
  ];
  const checked: Checked = {
    folder,
    manifest,
    warnings: shown.warnings,
    ...(change ? { since: { ...sinceOf(change), hidden: problems.length - failing.length } } : {}),
  };
  const print = (ran?: Ran): void => {
    printItems(terminal, items, { ...options, command: 'check', rules: CHECK_RULES });
    if (options.format === 'text' || options.format === 'json') printChecked(terminal, checked, ran);
    else if (options.format === 'github' && items.length === 0) terminal.out.line(sentence(checked));
  };
  if (failing.length > 0) {
    if (options.format === 'text' || options.format === 'json')
      throw failing.length === problems.length ? error : new CompileError(folder, failing);
    print();
    return EXIT.failed;
  }
  if (!wanted || manifest === null) {
    print();
    return EXIT.ok;
  }
  const { ran, exitCode } = await tried(terminal, options, folder, manifest);
  items.push(...itemsOfTrial(ran.trial, manifest, options.maxUndecided, pathOf));
  print(ran);
  return exitCode;
}

const sinceOf = ({ revision, changed }: Change) => ({ revision, changed });

/** Compiled, or with all that stands in the way. @throws {UsageError} where there are no files to read */
async function compiled(folder: string): Promise<{
  readonly manifest: Manifest | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly error?: CompileError;
}> {
  const warnings: Problem[] = [];
  try {
    const manifest = await compile(folder, { warn: (warning) => warnings.push(warning) });
    return { manifest, problems: [], warnings };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { manifest: null, problems: error.problems, warnings, error };
  }
}

async function tried(
  terminal: Terminal,
  { major, workload: files, maxUndecided, since: revision }: Options,
  folder: string,
  manifest: Manifest,
): Promise<{ readonly ran: Ran; readonly exitCode: ExitCode }> {
  const since =
    revision === undefined || !files ? undefined : await sinceRevision(terminal, revision, folder, files);
  // What only the commit has is what the application sent, and sends no longer.
  const here = since ? files?.filter((file) => existsSync(file)) : files;
  const workload = here?.length ? merge(here.map(fromFile)).entries : undefined;
  const namespace = namespaceOf(folder, undefined);
  const base = await baseOf(folder);
  const trial = await tryOnScratch(terminal, manifest, namespace, { major, workload, since, base });
  const { verification, rehearsal } = trial;
  const plans = rehearsal === null || rehearsalExitCode(rehearsal, maxUndecided) === EXIT.ok;
  const fine = verification?.findings.length === 0 && verification.errors.length === 0 && plans;
  return {
    ran: {
      trial,
      maxUndecided,
      hasBase: base !== undefined,
      ...(since ? { guardedSince: since.revision } : {}),
    },
    exitCode: fine ? EXIT.ok : EXIT.failed,
  };
}

/** Migrations that make the database which the others were written for. */
async function baseOf(folder: string): Promise<Manifest | undefined> {
  const base = join(folder, BASE);
  return existsSync(join(base, FIRST)) ? compile(base) : undefined;
}
