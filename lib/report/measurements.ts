/** Describes what a plan measured for a statement. */
import type { PlannedStep } from '../../lambda/contract/status';

type StatementMeasurements = Pick<PlannedStep['statements'][number], 'builds' | 'violations'>;

/** Returns one line per measurement. Constraints that no row violates are omitted. */
export function describeMeasurements({
  builds = [],
  violations = [],
}: StatementMeasurements): readonly string[] {
  return [
    ...builds.map(({ table, bytes, rows, before }) => {
      const size = `reads ${table}, ${bytes === null ? 'unknown size' : formatBytes(bytes)}${rows === null ? '' : `, about ${formatCount(rows)} rows`}`;
      return before ? `${size}; ${describeEarlierBuilds(before, table)}` : size;
    }),
    ...violations.flatMap(({ constraint, rows, atLeast, why }) => {
      if (rows === null) return `rows that violate ${constraint}: not counted, ${why}`;
      if (rows === 0) return [];
      const verb = rows === 1 && !atLeast ? 'row violates' : 'rows violate';
      return `${atLeast ? 'at least ' : ''}${formatCount(rows)} ${verb} ${constraint} now`;
    }),
  ];
}

function describeEarlierBuilds(
  {
    sameTable,
    builds,
    shortestMs,
    longestMs,
  }: NonNullable<NonNullable<StatementMeasurements['builds']>[number]['before']>,
  table: string,
): string {
  const what = `${builds === 1 ? 'an index build' : `${formatCount(builds)} index builds`}${sameTable ? ` on ${table}` : ''}`;
  return `${what} took ${shortestMs === longestMs ? formatSeconds(shortestMs) : `${formatSeconds(shortestMs)} to ${formatSeconds(longestMs)}`} before`;
}

const formatCount = (n: number): string => Math.round(n).toLocaleString('en-US');
const formatSeconds = (ms: number): string =>
  ms < 1_000 ? `${ms} ms` : ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;

function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  let value = bytes;
  for (; value >= 1_024 && at < units.length - 1; at++) value /= 1_024;
  return `${value < 10 && at > 0 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}
