/** The results as text. */
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
    table(
      ['', 'wanted', 'reached', ''],
      targets.map(({ what, wanted, reached, met }) => [what, wanted, reached, met ? 'met' : 'MISSED']),
    ),
    ...notes,
  ].join('\n\n');
}

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
