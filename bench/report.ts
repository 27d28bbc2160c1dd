/** The results as text. */
import type { AuditMeasured } from './audit';
import { auditRows } from './audit-targets';
import { type FleetMeasured, fleetRows } from './fleet';
import { type Results, seconds, type Target } from './targets';

export function report(results: Results, targets: readonly Target[], notes: readonly string[]): string {
  const { migrations, delayMs, growth } = results;
  const speed = results.speed.flatMap(({ tool, version, apply, noop }) => [
    [
      `${tool} ${version}`,
      seconds(apply.ms),
      seconds(apply.serverMs),
      String(apply.roundTrips),
      seconds(apply.msAtDelay),
      noop ? seconds(noop.ms) : '–',
      noop ? String(noop.roundTrips) : '–',
      noop ? seconds(noop.msAtDelay) : '–',
    ],
  ]);
  const stall = results.stall.map(({ tool, readerMs, writerMs, heldMs, finished }) => [
    tool,
    stood(readerMs, heldMs),
    stood(writerMs, heldMs),
    finished ? 'yes' : 'no',
  ]);
  return [
    `${migrations} small migrations on a new database; whole process, the shortest of ${results.runs[0]} runs (at ${delayMs} ms of ${results.runs[1]})`,
    table(
      [
        'tool',
        'apply',
        'in the server',
        'round trips',
        `at ${delayMs} ms`,
        'nothing to do',
        'round trips',
        `at ${delayMs} ms`,
      ],
      speed,
    ),
    `Longest stall of the application while an idle transaction holds the table for ${seconds(results.stall[0]!.heldMs)}`,
    table(['tool', 'reader', 'writer', 'applied afterwards'], stall),
    'Compiling and planning',
    table(
      ['migrations', 'compile', 'plan'],
      [growth.small, growth.large].map((count, i) => [
        String(count),
        seconds(growth.compileMs[i]!),
        `${growth.planMs[i]!.toFixed(1)} ms`,
      ]),
    ),
    'Targets',
    targetTable(targets),
    ...notes,
  ].join('\n\n');
}

export function fleetReport(
  measured: FleetMeasured,
  targets: readonly Target[],
  notes: readonly string[],
): string {
  const head = ['', 'trueup', 'node-pg-migrate', 'processor', 'memory', 'round trips', 'connections'];
  return [
    `${measured.schemas} schemas and ${measured.databases} databases on one server; round trips a tenant`,
    table(head, fleetRows(measured)),
    'Targets',
    targetTable(targets),
    ...notes,
  ].join('\n\n');
}

export function auditReport(
  measured: AuditMeasured,
  targets: readonly Target[],
  notes: readonly string[],
): string {
  return [
    `Two databases of ${measured.tables} tables, one of them as a move leaves it: ${measured.findings} findings`,
    table(['', 'time', 'memory', 'longest change of a table', 'changes'], auditRows(measured)),
    'Targets',
    targetTable(targets),
    ...notes,
  ].join('\n\n');
}

const targetTable = (targets: readonly Target[]): string =>
  table(
    ['', 'wanted', 'reached', ''],
    targets.map(({ what, wanted, reached, met }) => [what, wanted, reached, met ? 'met' : 'MISSED']),
  );

/** The peers stand still until the transaction ends: what is measured is how long that was left to last. */
const stood = (ms: number, heldMs: number): string =>
  ms >= heldMs ? `${seconds(ms)}, until it ended` : seconds(ms);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((row) => `  ${line(row)}`).join('\n');
}
