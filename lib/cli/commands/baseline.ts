import type { Command } from 'commander';
import type { ConvergeReport } from '../../../lambda/contract/converge';
import { EXIT, type ExitCode } from '../exit-codes';
import { runFleetBaseline } from '../fleet/baseline';
import { resolveFleetSource } from '../fleet/open';
import { openLocal, openOperations } from '../open';
import type { DeclaredFile } from '../operations';
import {
  type DatabaseOptions,
  DEFAULT_FOLDER,
  type FleetOptions,
  type OwnerOption,
  type StackOption,
  type TimeoutOption,
  withDatabase,
  withFleet,
  withFolder,
  withOwner,
  withStack,
  withTimeout,
} from '../options';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { joinNames, runToEnd } from '../terminal/outcome';
import { formatCount, type Terminal } from '../terminal/terminal';

export function registerBaseline(program: Command): void {
  const command = withTimeout(
    withOwner(
      withDatabase(
        withFolder(
          program
            .command('baseline')
            .argument('[name]', "the newest migration to mark: its file's name without .sql"),
        ),
      ),
    ),
  ).description(
    'For a database that existed before its migrations: marks the files up to NAME as applied without running them, ' +
      'but only those whose verify section passes, or that another tool (dbmate, Prisma, …) has applied according ' +
      'to its own ledger. The others stay pending. If NAME was applied with a different text, accepts the edit and ' +
      'records the new text once its verify section passes: immediately, or with --stack in the deployment after the ' +
      'one that was refused because of the edit.',
  );
  withStack(command);
  withFleet(command)
    .option('--schema <name>', 'schema of the tenant, in a database with one schema for each tenant')
    .option(
      '--was <name>',
      'previous name of NAME, whose file was renamed: the ledger records the new name, and nothing is run',
    )
    .option('--new <name>', 'file that is a new migration although it looks like a renamed one')
    .option(
      '--undo',
      'remove the baseline of NAME and of newer migrations, e.g. if it was recorded for the wrong schema: they are pending again; ' +
        'only the ledger is changed',
    );
  setAction<BaselineOptions>(command, (terminal, options, name, folder) => {
    const { undo = false, schema, sharedSchema, ...rest } = options;
    const declared = readDeclared(options, name);
    if (declared && undo)
      rejectCombination(
        declared.was === null ? '--new' : '--was',
        '--undo',
        '--undo removes a baseline; it says nothing about a file.',
      );
    const fleet = resolveFleetSource(schema === undefined ? options : rest);
    if (fleet?.from === 'stack')
      rejectCombination(
        'baseline',
        'the fleet of a stack',
        'Set the prop `baseline` of SchemaFleet and deploy. To accept an edit or to declare a file, use --fleet FILE where this machine can reach the databases.',
      );
    if (fleet && schema !== undefined)
      rejectCombination('--schema', '--fleet', 'The list names the schema of each tenant.');
    if (options.stack !== undefined && (schema !== undefined || undo))
      rejectCombination(
        schema === undefined ? '--undo' : '--schema',
        '--stack',
        'It requires a database that this machine can reach.',
      );
    const schemas = schema === undefined ? undefined : [schema, ...(sharedSchema ?? [])];
    if (declared) {
      const from = options.new === undefined ? folder! : (name ?? DEFAULT_FOLDER);
      return fleet
        ? runFleetBaseline(terminal, options, declared.name, from, fleet.file, declared)
        : runDeclare(terminal, options, declared, from, schemas);
    }
    if (name === undefined)
      throw new UsageError('the name of a migration is missing', "Give its file's name without .sql.");
    if (fleet) return runFleetBaseline(terminal, options, name, folder!, fleet.file, null);
    let label = '';
    const local = undo || schemas !== undefined;
    return runToEnd(terminal, {
      timeoutMs: options.timeout,
      open: async (progress) => {
        if (local) {
          const history = undo ? {} : { history: name };
          const operations = await openLocal(folder!, options, progress, {
            ...history,
            ...(schemas === undefined || undo ? {} : { schemas }),
            ...(undo && schema !== undefined ? { tenant: schema } : {}),
          });
          label = terminal.out.colors.bold(operations.label);
          return (slice) =>
            undo ? operations.forgetBaseline(name, slice) : operations.baseline(name, slice);
        }
        const operations = await openOperations(folder!, options, progress, name);
        label = terminal.out.colors.bold(operations.label);
        return (slice) => operations.baseline(name!, slice);
      },
      summary: (report) =>
        `${label}: ${undo ? `${formatCount(report.undone.length, 'migration')} no longer marked as applied: ${joinNames(report.undone)}.` : formatSummary(report, name!, options.stack)}`,
      exitCode: ({ pending }) => (!undo && pending.includes(name!) ? EXIT.pending : EXIT.ok),
    });
  });
}

type BaselineOptions = DatabaseOptions &
  OwnerOption &
  StackOption &
  TimeoutOption &
  FleetOptions & {
    readonly schema?: string;
    readonly undo?: boolean;
    readonly was?: string;
    readonly new?: string;
  };

/**
 * Reads `--was` and `--new`; `null` if neither was given.
 * @throws {UsageError}
 */
function readDeclared({ was, new: isNew }: BaselineOptions, name: string | undefined): DeclaredFile | null {
  if (was === undefined && isNew === undefined) return null;
  if (was !== undefined && isNew !== undefined)
    throw new UsageError('--was cannot be combined with --new', 'A file is either renamed or new.');
  if (isNew !== undefined) return { name: isNew, was: null };
  if (name === undefined)
    throw new UsageError('--was requires the name of the new file', 'Write `trueup baseline NEW --was OLD`.');
  return { name, was: was! };
}

function runDeclare(
  terminal: Terminal,
  options: BaselineOptions,
  declared: DeclaredFile,
  folder: string,
  schemas: readonly string[] | undefined,
): Promise<ExitCode> {
  let label = '';
  const { name, was } = declared;
  return runToEnd(terminal, {
    timeoutMs: options.timeout,
    open: async (progress) => {
      const operations = schemas
        ? await openLocal(folder, options, progress, { schemas })
        : await openOperations(folder, options, progress);
      label = terminal.out.colors.bold(operations.label);
      return (slice) => operations.declare(declared, slice);
    },
    summary: ({ recordedEdits = [] }) => {
      if (was === null) return `${label}: ${name} counts as a new migration.`;
      const text = recordedEdits.includes(name) ? ', and its new text is recorded' : '';
      return options.stack === undefined
        ? `${label}: ${name} is ${was}${text}.`
        : `${label}: ${name} counts as ${was}. Deploy again: that deployment records it.`;
    },
  });
}

function rejectCombination(what: string, other: string, remedy: string): never {
  throw new UsageError(`${what} cannot be combined with ${other}`, remedy);
}

function formatSummary(report: ConvergeReport, name: string, stack: string | undefined): string {
  const { recordedEdits = [], approvedEdits = [], baselined, pending } = report;
  const waiting = pending.length > 0 ? `; still pending: ${joinNames(pending)}` : '';
  if (approvedEdits.length > 0) {
    return `the new text of ${name} is accepted. Deploy again: that deployment verifies it and records it.`;
  }
  const marked =
    baselined.length > 0 ? `${formatCount(baselined.length, 'migration')} marked as applied` : '';
  const edited = recordedEdits.length > 0 ? `the new text of ${name} is verified and recorded` : '';
  const done = [edited, marked].filter(Boolean).join('; ');
  if (done) return `${done}${waiting}.`;
  if (pending.includes(name)) return `0 migrations marked as applied${waiting}.`;
  return stack === undefined
    ? `nothing to mark: ${name} is already recorded as applied, with the text of its file.`
    : `nothing to mark: ${name} is already recorded as applied, with the text of the deployed code. To accept an edit of the local file, deploy it first; after the deployment is refused, run this again.`;
}
