/** What a run costs, before it starts. Pure. */
import { filtersAtOnce } from './apps/small';
import type { Part } from './options';

/**
 * List prices in us-east-1, in USD; other regions ask up to twice as much. Checked in November 2026 against what others quote
 * of AWS's pages, which are to be looked at again: https://aws.amazon.com/cloudwatch/pricing, /lambda/pricing,
 * /step-functions/pricing, /rds/postgresql/pricing, /rds/aurora/pricing, /privatelink/pricing, /secrets-manager/pricing.
 */
export const PRICES_SAID = 'list prices of us-east-1, November 2026; others ask up to twice as much';
const HOURS_A_MONTH = 730;

export interface CostLine {
  readonly what: string;
  /** How it is counted, in words. */
  readonly how: string;
  readonly usd: number;
}

const perMonth = (usd: number, hours: number): number => (usd / HOURS_A_MONTH) * hours;

/** Whole hours, since some of it is billed so. */
const LINES: Readonly<Record<Part, () => readonly CostLine[]>> = {
  reads: () => [{ what: 'questions that make nothing', how: 'free', usd: 0 }],
  stack: () => [
    {
      what: `${filtersAtOnce().length} metric filters, log groups`,
      how: 'free; less than 1 MB of log at 0.50 a GB',
      usd: 0.0005,
    },
    { what: 'an alarm for an hour', how: '0.10 a month', usd: perMonth(0.1, 1) },
    { what: 'functions', how: '200 calls at 0.20 a million, 100 GB-s at 0.0000133', usd: 0.0014 },
    { what: 'state machines', how: '200 transitions at 0.025 a thousand', usd: 0.005 },
    { what: 'lists and results of runs', how: '200 requests of S3 at 0.005 a thousand', usd: 0.001 },
    { what: 'templates and code', how: '10 MB in the bootstrap bucket at 0.023 a GB and month', usd: 0.0003 },
  ],
  instance: () => [
    { what: 'db.t4g.micro for an hour', how: '0.016 an hour', usd: 0.016 },
    { what: 'storage, 20 GB for an hour', how: '0.115 a GB and month', usd: perMonth(20 * 0.115, 1) },
    { what: 'endpoint for Secrets Manager, two zones', how: '0.01 an hour and zone', usd: 0.02 },
    { what: 'secret', how: '0.40 a month', usd: perMonth(0.4, 1) },
  ],
  aurora: () => [
    {
      what: 'Aurora, up to 1 capacity unit for an hour',
      how: '0.12 a unit and hour, 0 while paused',
      usd: 0.12,
    },
    {
      what: 'storage and I/O',
      how: '1 GB at 0.10 a GB and month, 10,000 requests at 0.20 a million',
      usd: 0.0022,
    },
    { what: 'endpoint for Secrets Manager, two zones', how: '0.01 an hour and zone', usd: 0.02 },
    { what: 'secret', how: '0.40 a month', usd: perMonth(0.4, 1) },
  ],
};

export const costsOf = (parts: readonly Part[]): readonly CostLine[] =>
  parts.flatMap((part) => LINES[part]());

export const totalUsd = (lines: readonly CostLine[]): number => lines.reduce((sum, { usd }) => sum + usd, 0);

/** Upwards, to the next cent. */
const cents = (usd: number): string => (Math.ceil(usd * 100 - 1e-9) / 100).toFixed(2);

export function costTable(parts: readonly Part[]): string {
  const lines = costsOf(parts);
  const width = Math.max(...lines.map(({ what }) => what.length));
  const rows = lines.map(
    ({ what, how, usd }) => `  ${what.padEnd(width)}  ${amount(usd).padStart(7)}  ${how}`,
  );
  const total = `  ${'together, at most about'.padEnd(width)}  ${cents(totalUsd(lines)).padStart(7)}`;
  return [`What it costs in USD (${PRICES_SAID}):`, ...rows, total].join('\n');
}

const amount = (usd: number): string => (usd === 0 ? '0' : usd < 0.01 ? '< 0.01' : cents(usd));
