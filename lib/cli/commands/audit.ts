import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { CONFIDENCES, type Confidence } from '../../../lambda/audit/finding';
import { separateSuppressed } from '../../../lambda/audit/suppressions';
import type { Suppression } from '../../../lambda/contract/audit-findings';
import { type AuditOptions, type AuditReport, audit } from '../../audit/audit';
import { parseSuppressions, SUPPRESSION_EXAMPLE, SuppressionsFileProblem } from '../../audit/suppressions';
import {
  FolderProblem,
  listUnrepairable,
  readRoles,
  requireNewFolder,
  writeMigrations,
} from '../../audit/write';
import { loadParser } from '../../compiler/read/parser';
import { packageVersion } from '../../package';
import { buildAuditItems } from '../../report/of-audit';
import { AUDIT_RULES } from '../../report/rules';
import { mergeWorkloads } from '../../workload/collect-workload';
import { requirePageFile, writePage } from '../audit-page';
import { parseSourceArgument, readSource } from '../database/file-source';
import type { ExitCode } from '../exit-codes';
import { type FormatOptions, printItems, resolveFormat, withFormat } from '../formats';
import { createPathResolver } from '../git';
import { type DatabaseOptions, type StackOption, withConnection, withStack } from '../options';
import { auditRemotely } from '../remote/audit';
import { setAction } from '../terminal/action';
import { getAuditExitCode, printAudit } from '../terminal/audit';
import { UsageError } from '../terminal/failure';
import { printLongJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import {
  collectValues,
  loadWorkloadFile,
  openReadOnlySession,
  openSecondSession,
  requireFile,
} from '../workload-sources';

interface Options extends DatabaseOptions, StackOption, FormatOptions {
  readonly from?: string;
  readonly workload?: readonly string[];
  readonly suppressions?: string;
  readonly minConfidence: Confidence;
  readonly fullScan?: boolean;
  readonly html?: string;
  readonly write?: string;
  readonly oneFilePer: 'table' | 'finding';
}

/** Most queries set their own timeout; this one applies to the rest. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

export function registerAudit(program: Command): void {
  const command = withConnection(program.command('audit'))
    .description(
      'Finds problems in a database. With --from it also finds what is missing since a move: objects, defaults, sequence ' +
        'positions, privileges, rows. The statements of the application are planned, never run. Read-only: a role ' +
        'with read access is sufficient, and the objects that it cannot access are listed.',
    )
    .option(
      '--from <source>',
      'source of the move: a database URL, a snapshot, an SQL dump, or an SQLite file',
    )
    .option(
      '--workload <file>',
      'statements of the application; may be repeated (default: those recorded by the source, or else by this database)',
      collectValues,
    )
    .option('--suppressions <file>', 'suppressions file, with a line for each finding: `id object  # reason`')
    .addOption(
      new Option(
        '--min-confidence <confidence>',
        'lowest confidence to print: A confirmed, B missing, C inconsistent, D informational',
      )
        .choices([...CONFIDENCES])
        .default('C'),
    )
    .option(
      '--html <file>',
      'also write the findings to an HTML page with diagrams of the tables; the page needs no network',
    )
    .option(
      '--full-scan',
      'count rows and look for duplicates in tables of any size, by reading whole tables',
    )
    .option(
      '--write <folder>',
      'write migrations that restore what is missing, in the order in which they can be deployed, to a new folder',
    )
    .addOption(
      new Option(
        '--one-file-per <unit>',
        'with --write: one file per table for repairs that can share a transaction, or one per finding',
      )
        .choices(['table', 'finding'])
        .default('table'),
    );
  withFormat(command);
  withStack(command).option(
    '--namespace <name>',
    'with --stack: namespace of the schema, if the stack has several',
  );
  setAction<Options>(command, async (terminal, options) => {
    if (options.stack !== undefined) return auditStack(terminal, options, options.stack);
    if (options.namespace !== undefined)
      throw new UsageError('--namespace requires --stack', 'Without --stack, the whole database is audited.');
    resolveFormat(options);
    if (options.html !== undefined) requirePageFile(options.html);
    await loadParser();
    if (options.write !== undefined) withUsageErrors(() => requireNewFolder(options.write!));
    const suppressions = options.suppressions === undefined ? [] : readSuppressionsFile(options.suppressions);
    const workload = (options.workload ?? []).map(loadWorkloadFile);
    const given = options.from === undefined ? undefined : parseSourceArgument(options.from);
    const { db, label } = await openReadOnlySession(options, STATEMENT_TIMEOUT_MS);
    const beside = await openSecondSession(options, STATEMENT_TIMEOUT_MS);
    const progress = createProgressView(terminal);
    let source: AuditOptions['source'];
    let from = options.from ?? null;
    try {
      if (given !== undefined && 'url' in given) {
        const session = await openReadOnlySession(
          { ...options, databaseUrl: given.url },
          STATEMENT_TIMEOUT_MS,
        );
        // Never the URL, which holds a password.
        [source, from] = [session.db, session.label];
      } else if (given !== undefined) source = await readSource(terminal, given, db);
      const { compared, ...result } = await progress.during(() =>
        audit(db, {
          ...(source ? { source } : {}),
          ...(workload.length > 0 ? { workload: mergeWorkloads(workload).entries } : {}),
          ...(beside ? { beside } : {}),
          fullScan: options.fullScan ?? false,
          version: packageVersion(),
          partBegins: (part) => progress.now(`reading ${part}`),
        }),
      );
      const shown = result.findings.filter(({ confidence }) => confidence <= options.minConfidence);
      const { open, suppressed, obsolete } = separateSuppressed(shown, suppressions);
      const written =
        options.write === undefined
          ? undefined
          : await writeOrFail(options.write, open, compared, await readRoles(db), options.oneFilePer);
      const report: AuditReport = {
        ...result,
        findings: written?.findings ?? open,
        suppressed,
        obsolete: listObsolete(obsolete, result.findings),
        hidden: result.findings.length - shown.length,
        ...(written
          ? { written: written.report }
          : {
              byHand: await listUnrepairable(
                open.filter(({ confidence }) => confidence === 'B'),
                compared,
                await readRoles(db),
              ),
            }),
      };
      await printResult(terminal, options, report, label);
      if (options.html !== undefined)
        await writePage(
          terminal,
          options.html,
          {
            report,
            compared,
            where: label,
            from,
            minConfidence: options.minConfidence,
          },
          await readRoles(db),
        );
      return getAuditExitCode(report);
    } finally {
      await db.close();
      await beside?.close();
      if (source && 'close' in source) await source.close();
    }
  });
}

/** Options that `--stack` does not support: a deployed function has no parser and cannot reach a source. */
const NOT_OVER_STACK = ['databaseUrl', 'from', 'workload', 'fullScan', 'write', 'html'] as const;

async function auditStack(terminal: Terminal, options: Options, stackName: string): Promise<ExitCode> {
  resolveFormat(options);
  const other = NOT_OVER_STACK.find((name) => options[name] !== undefined);
  if (other !== undefined)
    throw new UsageError(
      `--stack cannot be combined with --${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      other === 'databaseUrl'
        ? 'The deployed function knows its database.'
        : 'The deployed function has no parser and cannot reach a source. Run the audit on a machine that can reach the database.',
    );
  const { suppressions: file, minConfidence, namespace } = options;
  const given = file === undefined ? [] : readSuppressionsFile(file);
  const { suppressions: deployed, ...result } = await auditRemotely({ stackName, namespace });
  const isGiven = ({ id, object }: Suppression) =>
    given.some((each) => each.id === id && each.object === object);
  const suppressions = [...given, ...deployed.filter((each) => !isGiven(each))];
  const shown = result.findings.filter(({ confidence }) => confidence <= minConfidence);
  const { open, suppressed, obsolete } = separateSuppressed(shown, suppressions);
  const report: AuditReport = {
    ...result,
    findings: open,
    suppressed,
    obsolete: listObsolete(obsolete, result.findings),
    hidden: result.findings.length - shown.length,
  };
  await printResult(
    terminal,
    options,
    report,
    namespace === undefined ? `stack ${stackName}` : `${namespace} of stack ${stackName}`,
  );
  return getAuditExitCode(report);
}

async function printResult(
  terminal: Terminal,
  options: Options,
  report: AuditReport,
  where: string,
): Promise<void> {
  const format = resolveFormat(options);
  if (format === 'json') await printLongJson(terminal, report);
  else if (format === 'text') await printAudit(terminal, report, where);
  else
    printItems(terminal, buildAuditItems(report.findings, resolveSuppressionsPath(options.suppressions)), {
      ...options,
      command: 'audit',
      rules: AUDIT_RULES,
    });
}

const writeOrFail: typeof writeMigrations = async (...given) => {
  try {
    return await writeMigrations(...given);
  } catch (error) {
    throw error instanceof FolderProblem ? new UsageError(error.message, error.remedy) : error;
  }
};

/**
 * Runs `work` and rethrows a `FolderProblem` as a usage error.
 * @throws {UsageError}
 */
function withUsageErrors(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw error instanceof FolderProblem ? new UsageError(error.message, error.remedy) : error;
  }
}

/**
 * Returns the file in which a finding could be suppressed: GitHub code scanning does not show findings without a file.
 */
const resolveSuppressionsPath = (file: string | undefined): string | null =>
  file === undefined ? null : createPathResolver(dirname(file))(basename(file));

/** Returns the suppressions that match no finding, not even one that `--min-confidence` hides. */
const listObsolete = (
  unmatched: readonly Suppression[],
  all: AuditReport['findings'],
): readonly Suppression[] => separateSuppressed(all, unmatched).obsolete;

/**
 * Reads the suppressions file.
 * @throws {UsageError}
 */
function readSuppressionsFile(file: string): readonly Suppression[] {
  requireFile(file);
  try {
    return parseSuppressions(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof SuppressionsFileProblem)) throw error;
    throw new UsageError(`${file}:${error.line}: ${error.message}`, SUPPRESSION_EXAMPLE);
  }
}
