import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Manifest } from '../../../lambda/contract/manifest';
import { BASE_FILE, BASE_FOLDER } from '../../audit/write/structure';
import { CompileError, type Problem } from '../../compiler/problem';
import { formatFailureAnnotation } from '../../report/github';
import type { ReportItem } from '../../report/item';
import { buildProblemItems, buildTrialItems } from '../../report/of-check';
import { CHECK_RULES } from '../../report/rules';
import { mergeWorkloads } from '../../workload/collect-workload';
import { readBaseRevision } from '../base-revision';
import { tryOnScratch } from '../database/scratch';
import { EXIT, type ExitCode } from '../exit-codes';
import { compileMigrations, resolveNamespace } from '../folder';
import { type FolderChange, readChangeSince } from '../folder-change';
import { type FormatOptions, printItems, resolveFormat, withFormat } from '../formats';
import { createPathResolver } from '../git';
import { parseMajorVersion, withFolder, withMaxUndecided } from '../options';
import { setAction } from '../terminal/action';
import { type CheckResult, type CheckRun, describeCheckResult, printCheckResult } from '../terminal/check';
import { toFailure } from '../terminal/failure';
import type { Terminal } from '../terminal/terminal';
import { getWorkloadExitCode } from '../terminal/workload-check';
import { collectValues, loadWorkloadFile } from '../workload-sources';

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
      "Reads every file with PostgreSQL's own parser and reports, with line and caret, what does not parse, cannot work " +
        'or is dangerous. With --run it also applies everything to a temporary, empty PostgreSQL and verifies it.',
    )
    .option(
      '--run',
      'apply everything to an empty PostgreSQL, which is started for this run and removed afterwards',
    )
    .option(
      '--major <version>',
      'with --run: major version of an installed PostgreSQL (default: the newest)',
      parseMajorVersion,
    )
    .option(
      '--workload <file>',
      'with --run: statements that must plan after the last migration; may be repeated',
      collectValues,
    )
    .option(
      '--since <revision>',
      'show only problems that are new since this commit; with --workload, also refuse later migrations that would break ' +
        'the application of this commit, as a deployment does',
    );
  withFormat(withMaxUndecided(command));
  setAction<Options>(command, async (terminal, options, folder) => {
    const format = resolveFormat(options);
    try {
      return await runCheck(terminal, { ...options, format }, folder!);
    } catch (error) {
      if (format === 'github' && !(error instanceof CompileError)) {
        const { message, remedy } = toFailure(error).error;
        terminal.out.line(formatFailureAnnotation(message, remedy));
      }
      throw error;
    }
  });
}

async function runCheck(terminal: Terminal, options: Options, folder: string): Promise<ExitCode> {
  const { run, major, workload } = options;
  const { manifest, problems, warnings, error } = await compileForCheck(folder);
  const change = options.since === undefined ? undefined : await readChangeSince(options.since, folder);
  const ofChange = (all: readonly Problem[]) => (change ? all.filter(change.isOfIt) : all);
  const shown = { problems: ofChange(problems), warnings: ofChange(warnings) };
  const wanted = run === true || major !== undefined || workload !== undefined;
  // A folder that does not compile cannot be run, even if its problems did not come with this change.
  const failing = wanted && manifest === null ? problems : shown.problems;
  const resolvePath = createPathResolver(folder);
  const items: ReportItem[] = [
    ...buildProblemItems(failing, 'error', resolvePath),
    ...buildProblemItems(shown.warnings, 'warning', resolvePath),
  ];
  const checked: CheckResult = {
    folder,
    manifest,
    warnings: shown.warnings,
    ...(change ? { since: { ...selectSinceFields(change), hidden: problems.length - failing.length } } : {}),
  };
  const print = (ran?: CheckRun): void => {
    printItems(terminal, items, { ...options, command: 'check', rules: CHECK_RULES });
    if (options.format === 'text' || options.format === 'json') printCheckResult(terminal, checked, ran);
    else if (options.format === 'github' && items.length === 0)
      terminal.out.line(describeCheckResult(checked));
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
  const { ran, exitCode } = await tryMigrations(terminal, options, folder, manifest);
  items.push(...buildTrialItems(ran.trial, manifest, options.maxUndecided, resolvePath));
  print(ran);
  return exitCode;
}

const selectSinceFields = ({ revision, changed }: FolderChange) => ({ revision, changed });

/**
 * Compiles the folder. If that fails, `manifest` is `null` and `problems` lists what is wrong.
 * @throws {UsageError} if there are no files to read
 */
async function compileForCheck(folder: string): Promise<{
  readonly manifest: Manifest | null;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly error?: CompileError;
}> {
  const warnings: Problem[] = [];
  try {
    const manifest = await compileMigrations(folder, { warn: (warning) => warnings.push(warning) });
    return { manifest, problems: [], warnings };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { manifest: null, problems: error.problems, warnings, error };
  }
}

async function tryMigrations(
  terminal: Terminal,
  { major, workload: files, maxUndecided, since: revision }: Options,
  folder: string,
  manifest: Manifest,
): Promise<{ readonly ran: CheckRun; readonly exitCode: ExitCode }> {
  const since =
    revision === undefined || !files ? undefined : await readBaseRevision(terminal, revision, folder, files);
  // A workload file that exists only in the commit holds statements that the application no longer sends.
  const here = since ? files?.filter((file) => existsSync(file)) : files;
  const workload = here?.length ? mergeWorkloads(here.map(loadWorkloadFile)).entries : undefined;
  const namespace = resolveNamespace(folder, undefined);
  const base = await compileBase(folder);
  const trial = await tryOnScratch(terminal, manifest, namespace, { major, workload, since, base });
  const { verification, workloadCheck } = trial;
  const plans = workloadCheck === null || getWorkloadExitCode(workloadCheck, maxUndecided) === EXIT.ok;
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

/**
 * Compiles the migrations that create the database which the folder's own migrations were written for; `undefined` if
 * there are none.
 */
async function compileBase(folder: string): Promise<Manifest | undefined> {
  const base = join(folder, BASE_FOLDER);
  return existsSync(join(base, BASE_FILE)) ? compileMigrations(base) : undefined;
}
