import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { sortAccepted } from '../../../lambda/audit/accepted';
import { GRADES, type Grade } from '../../../lambda/audit/finding';
import type { Accepted } from '../../../lambda/contract/audit';
import { ACCEPT_EXAMPLE, AcceptProblem, readAccepted } from '../../audit/accepted';
import { type AuditOptions, type AuditReport, audit } from '../../audit/audit';
import { FolderProblem, readRoles, requireNew, writeMigrations } from '../../audit/write';
import { loadParser } from '../../compiler/read/parser';
import { itemsOfAudit } from '../../report/of-audit';
import { AUDIT_RULES } from '../../report/rules';
import { merge } from '../../workload/workload';
import { requirePage, writePage } from '../audit-page';
import { givenSource, readSource } from '../database/file-source';
import type { ExitCode } from '../exit-codes';
import { type FormatOptions, formatOf, printItems, withFormat } from '../formats';
import { pathInRepository } from '../git';
import { type DatabaseOptions, type StackOption, withConnection, withStack } from '../options';
import { packageVersion } from '../package';
import { auditRemotely } from '../remote/audit';
import { setAction } from '../terminal/action';
import { auditExitCode, printAudit } from '../terminal/audit';
import { UsageError } from '../terminal/failure';
import { printLongJson } from '../terminal/json';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { anotherSession, fromFile, readOnlySession, repeated, requireFile } from '../workload-sources';

interface Options extends DatabaseOptions, StackOption, FormatOptions {
  readonly from?: string;
  readonly workload?: readonly string[];
  readonly accept?: string;
  readonly minGrade: Grade;
  readonly deep?: boolean;
  readonly html?: string;
  readonly write?: string;
}

/** Each question has a limit of its own; this one is for what has none. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

export function registerAudit(program: Command): void {
  const command = withConnection(program.command('audit'))
    .description(
      'Says what is wrong with a database, and with --from what it lost when it was moved: objects, defaults, sequence ' +
        'positions, privileges, rows. The statements of the application are planned on it, and none is run. Reads only; ' +
        'a role that may only read is enough, and what it may not see is said.',
    )
    .option(
      '--from <source>',
      'what it was moved from: a URL, a file that `trueup snapshot` wrote, a dump in SQL, or an SQLite file',
    )
    .option(
      '--workload <file>',
      'statements of the application; may be repeated (default: what the source, else this database, remembers)',
      repeated,
    )
    .option('--accept <file>', 'findings that are accepted, a line each: `id object  # reason`')
    .addOption(
      new Option(
        '--min-grade <grade>',
        'the least sure findings to print: A proved, B lost, C odd one out, D habit',
      )
        .choices([...GRADES])
        .default('C'),
    )
    .option(
      '--html <file>',
      'write the findings to a page as well, with pictures of the tables; it needs no network',
    )
    .option('--deep', 'count rows and look for duplicates in tables of any size: reads all of them')
    .option(
      '--write <folder>',
      'write migrations that bring back what was lost, in the order in which they can be deployed, to a new folder',
    );
  withFormat(command);
  withStack(command).option('--namespace <name>', 'with --stack: which of its schemas, where it has several');
  setAction<Options>(command, async (terminal, options) => {
    if (options.stack !== undefined) return overStack(terminal, options, options.stack);
    if (options.namespace !== undefined)
      throw new UsageError(
        '--namespace goes with --stack',
        'Without --stack the whole database is looked at.',
      );
    formatOf(options);
    if (options.html !== undefined) requirePage(options.html);
    await loadParser();
    if (options.write !== undefined) asUsage(() => requireNew(options.write!));
    const accepted = options.accept === undefined ? [] : acceptedIn(options.accept);
    const workload = (options.workload ?? []).map(fromFile);
    const given = options.from === undefined ? undefined : givenSource(options.from);
    const { db, label } = await readOnlySession(options, STATEMENT_TIMEOUT_MS);
    const beside = await anotherSession(options, STATEMENT_TIMEOUT_MS);
    const progress = progressView(terminal);
    let source: AuditOptions['source'];
    let from = options.from ?? null;
    try {
      if (given !== undefined && 'url' in given) {
        const session = await readOnlySession({ ...options, databaseUrl: given.url }, STATEMENT_TIMEOUT_MS);
        // Never the URL: it holds a password.
        [source, from] = [session.db, session.label];
      } else if (given !== undefined) source = await readSource(terminal, given, db);
      const { compared, ...result } = await progress.during(() =>
        audit(db, {
          ...(source ? { source } : {}),
          ...(workload.length > 0 ? { workload: merge(workload).entries } : {}),
          ...(beside ? { beside } : {}),
          deep: options.deep ?? false,
          version: packageVersion(),
          partBegins: (part) => progress.now(`reading ${part}`),
        }),
      );
      const shown = result.findings.filter(({ grade }) => grade <= options.minGrade);
      const { open, accepted: known, gone } = sortAccepted(shown, accepted);
      const written =
        options.write === undefined
          ? undefined
          : await write(options.write, open, compared, await readRoles(db));
      const report: AuditReport = {
        ...result,
        findings: written?.findings ?? open,
        accepted: known,
        gone: goneFor(gone, result.findings),
        hidden: result.findings.length - shown.length,
        ...(written ? { written: written.report } : {}),
      };
      await print(terminal, options, report, label);
      if (options.html !== undefined)
        await writePage(
          terminal,
          options.html,
          {
            report,
            compared,
            where: label,
            from,
            minGrade: options.minGrade,
          },
          await readRoles(db),
        );
      return auditExitCode(report);
    } finally {
      await db.close();
      await beside?.close();
      if (source && 'close' in source) await source.close();
    }
  });
}

/** What a deployed function cannot do, since it has no parser and reaches no source. */
const NOT_OVER_STACK = ['databaseUrl', 'from', 'workload', 'deep', 'write', 'html'] as const;

async function overStack(terminal: Terminal, options: Options, stackName: string): Promise<ExitCode> {
  formatOf(options);
  const other = NOT_OVER_STACK.find((name) => options[name] !== undefined);
  if (other !== undefined)
    throw new UsageError(
      `--stack cannot be combined with --${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      other === 'databaseUrl'
        ? 'The deployed function knows its database.'
        : 'The deployed function has no parser and reaches no source: audit from where the database can be reached.',
    );
  const { accept, minGrade, namespace } = options;
  const given = accept === undefined ? [] : acceptedIn(accept);
  const { accepted: deployed, ...result } = await auditRemotely({ stackName, namespace });
  const isGiven = ({ id, object }: Accepted) =>
    given.some((each) => each.id === id && each.object === object);
  const accepted = [...given, ...deployed.filter((each) => !isGiven(each))];
  const shown = result.findings.filter(({ grade }) => grade <= minGrade);
  const { open, accepted: known, gone } = sortAccepted(shown, accepted);
  const report: AuditReport = {
    ...result,
    findings: open,
    accepted: known,
    gone: goneFor(gone, result.findings),
    hidden: result.findings.length - shown.length,
  };
  await print(
    terminal,
    options,
    report,
    namespace === undefined ? `stack ${stackName}` : `${namespace} of stack ${stackName}`,
  );
  return auditExitCode(report);
}

async function print(
  terminal: Terminal,
  options: Options,
  report: AuditReport,
  where: string,
): Promise<void> {
  const format = formatOf(options);
  if (format === 'json') await printLongJson(terminal, report);
  else if (format === 'text') await printAudit(terminal, report, where);
  else
    printItems(terminal, itemsOfAudit(report.findings, placeOf(options.accept)), {
      ...options,
      command: 'audit',
      rules: AUDIT_RULES,
    });
}

const write: typeof writeMigrations = async (...given) => {
  try {
    return await writeMigrations(...given);
  } catch (error) {
    throw error instanceof FolderProblem ? new UsageError(error.message, error.remedy) : error;
  }
};

/** @throws {UsageError} */
function asUsage(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw error instanceof FolderProblem ? new UsageError(error.message, error.remedy) : error;
  }
}

/** Where a finding could be accepted: code scanning shows none that has no file. */
const placeOf = (accept: string | undefined): string | null =>
  accept === undefined ? null : pathInRepository(dirname(accept))(basename(accept));

/** What is only hidden by --min-grade is not gone. */
const goneFor = (gone: readonly Accepted[], all: AuditReport['findings']): readonly Accepted[] =>
  sortAccepted(all, gone).gone;

/** @throws {UsageError} */
function acceptedIn(file: string): readonly Accepted[] {
  requireFile(file);
  try {
    return readAccepted(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof AcceptProblem)) throw error;
    throw new UsageError(`${file}:${error.line}: ${error.message}`, ACCEPT_EXAMPLE);
  }
}
