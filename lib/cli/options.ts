/** Options that several commands share, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ConnectionOptions } from './database/connection';
import type { GlobalOptions } from './terminal/terminal';

const DEFAULT_FOLDER = './migrations';

export interface DatabaseOptions extends GlobalOptions, ConnectionOptions {
  readonly namespace?: string;
}

export interface OwnerOption {
  readonly ownerRole?: string;
}

export interface StackOption {
  readonly stack?: string;
}

/** Of `--fleet`. */
export interface FleetOptions {
  /** True without a file: the stack's own list. */
  readonly fleet?: string | true;
  readonly concurrency?: number;
  readonly target?: readonly string[];
  readonly sharedSchema?: readonly string[];
}

export interface TimeoutOption {
  /** Milliseconds. */
  readonly timeout: number;
}

export const withGlobals = (program: Command): Command =>
  program
    .option('--json', 'one JSON document on standard output, errors too')
    .option('-q, --quiet', 'no progress')
    .option('--no-color', 'no colours (also: NO_COLOR=1, or when it is not a terminal)');

export const withFolder = (command: Command): Command =>
  command.argument('[folder]', 'folder of migration files', DEFAULT_FOLDER);

export const withDatabase = (command: Command): Command =>
  withConnection(command).option(
    '--namespace <name>',
    "which of the database's ledgers (default: the folder's name)",
  );

export const withConnection = (command: Command): Command =>
  command
    .option('--database-url <url>', 'postgres://user:password@host:5432/database (or set DATABASE_URL)')
    .option(
      '--ssl-mode <mode>',
      'verify-full or disable (default: verify-full; disable for a server on this machine)',
    )
    .option('--ssl-root-cert <file>', 'PEM file of the authority to trust, `rds` or `system`')
    .addOption(
      new Option('--pooler <mode>', 'the connection goes through a pooler that keeps whole sessions').choices(
        ['session'],
      ),
    );

export const withStack = (command: Command): Command =>
  command.option(
    '--stack <name>',
    "use the stack's deployed function and migrations, for a database that cannot be reached from here",
  );

export const withOwner = (command: Command): Command =>
  command.option('--owner-role <role>', "role that owns the application's tables (default: the login role)");

export const withFleet = (command: Command): Command =>
  command
    .option(
      '--fleet [file]',
      'a list of tenants, each a database or a schema: JSON lines, JSON or CSV; with --stack without a file',
    )
    .option(
      '--concurrency <number>',
      'with --fleet: connections at once (default: 8), a tenth of the free ones at most',
      wholeNumber,
    )
    .option(
      '--target <name>',
      'with --fleet or --stack: only this one of the list; may be repeated',
      repeated,
    )
    .option(
      '--shared-schema <name>',
      "with --fleet: searched for names after the tenant's own schema, e.g. for extensions; may be repeated",
      repeated,
    );

/** For an option that may be given several times. */
export const repeated = (value: string, before: readonly string[] = []): string[] => [...before, value];

export const withTimeout = (command: Command): Command =>
  command.addOption(
    new Option('--timeout <time>', 'stop after this time, e.g. 90s, 15m, 1h')
      .argParser(durationMs)
      .default(15 * 60_000, '15m'),
  );

export const withMaxUndecided = (command: Command): Command =>
  command.option(
    '--max-undecided <percent>',
    'exit with 1 if more of the workload than this is undecided',
    percentage,
    30,
  );

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `90s`, `15m`, `1h`; a bare number is seconds. */
export function durationMs(text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const value = Number(digits) * UNITS[unit]!;
  if (value > 0) return value;
  throw new InvalidArgumentError('It is a time such as 90s, 15m or 1h.');
}

export function majorVersion(text: string): number {
  if (/^\d{2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a major version such as 17.');
}

export function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number from 1 on.');
}

export function wholeDays(text: string): number {
  if (/^[1-9]\d?$/.test(text) && Number(text) <= 90) return Number(text);
  throw new InvalidArgumentError('It is a whole number of days, from 1 to 90.');
}

function percentage(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value <= 100) return value;
  throw new InvalidArgumentError('It is a percentage from 0 to 100.');
}
