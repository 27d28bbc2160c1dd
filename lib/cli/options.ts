/** Options that several commands share, and the parsers of their values. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ConnectionOptions } from './database/connection';
import type { GlobalOptions } from './terminal/terminal';

export const DEFAULT_FOLDER = './migrations';

export interface DatabaseOptions extends GlobalOptions, ConnectionOptions {
  readonly namespace?: string;
}

export interface OwnerOption {
  readonly ownerRole?: string;
}

export interface StackOption {
  readonly stack?: string;
}

/** The options of a fleet. */
export interface FleetOptions {
  /** File with the list of tenants; `true` without a file, for the stack's own list. */
  readonly fleet?: string | true;
  readonly concurrency?: number;
  readonly tenant?: readonly string[];
  readonly sharedSchema?: readonly string[];
}

export interface TimeoutOption {
  /** Timeout in milliseconds. */
  readonly timeout: number;
}

export const withGlobals = (program: Command): Command =>
  program
    .option('--json', 'print one JSON document on standard output, including errors')
    .option('-q, --quiet', 'print no progress')
    .option('--no-color', 'print no colors (also with NO_COLOR=1, or if the output is not a terminal)');

export const withFolder = (command: Command): Command =>
  command.argument('[folder]', 'folder of migration files', DEFAULT_FOLDER);

export const withDatabase = (command: Command): Command =>
  withConnection(command).option(
    '--namespace <name>',
    'namespace in the ledger (default: the name of the folder)',
  );

export const withConnection = (command: Command): Command =>
  command
    .option('--database-url <url>', 'postgres://user:password@host:5432/database (or set DATABASE_URL)')
    .option(
      '--ssl-mode <mode>',
      'verify-full or disable (default: verify-full; disable for a server on this machine)',
    )
    .option('--ssl-root-cert <file>', 'PEM file with the trusted CA certificates, `rds` or `system`')
    .addOption(
      new Option('--pooler <mode>', 'connect through a pooler in session mode').choices(['session']),
    );

export const withStack = (command: Command): Command =>
  command.option(
    '--stack <name>',
    "use the stack's deployed function and migrations, for a database that this machine cannot reach",
  );

export const withOwner = (command: Command): Command =>
  command.option('--owner-role <role>', "role that owns the application's tables (default: the login role)");

export const withFleet = (command: Command): Command =>
  command
    .option(
      '--fleet [file]',
      'file that lists the tenants (databases or schemas), one per line as JSON; no file with --stack',
    )
    .option(
      '--concurrency <number>',
      'with --fleet: maximum number of concurrent connections (default: 8); limited to a tenth of the free connections, but at least one',
      parseWholeNumber,
    )
    .option('--tenant <name>', 'with --fleet or --stack: only this tenant; may be repeated', collectValues)
    .option(
      '--shared-schema <name>',
      "with --fleet: schema on the search path after the tenant's schema, e.g. for extensions; may be repeated",
      collectValues,
    );

/** Collects the values of an option that may be given several times. */
export const collectValues = (value: string, before: readonly string[] = []): string[] => [...before, value];

export const withTimeout = (command: Command): Command =>
  command.addOption(
    new Option('--timeout <time>', 'stop after this time, e.g. 90s, 15m, 1h')
      .argParser(parseDurationMs)
      .default(15 * 60_000, '15m'),
  );

export const withMaxUndecided = (command: Command): Command =>
  command.option(
    '--max-undecided <percent>',
    'exit with 1 if more of the workload than this is undecided',
    parsePercentage,
    30,
  );

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Parses `90s`, `15m` or `1h` to milliseconds; a bare number is in seconds. */
export function parseDurationMs(text: string): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const value = Number(digits) * UNIT_MS[unit]!;
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected a duration such as 90s, 15m or 1h.');
}

export function parseMajorVersion(text: string): number {
  if (/^\d{2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a major version such as 17.');
}

export function parseWholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number of 1 or more.');
}

export function parseDays(text: string): number {
  if (/^[1-9]\d?$/.test(text) && Number(text) <= 90) return Number(text);
  throw new InvalidArgumentError('Expected a whole number of days from 1 to 90.');
}

function parsePercentage(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value <= 100) return value;
  throw new InvalidArgumentError('Expected a percentage from 0 to 100.');
}
