/** Every filter pattern that Trueup gives to CloudWatch Logs, and the lines that they are tried on. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { formatHeartbeat } from '../../lambda/migrate/heartbeat';
import { readEventsOfFile } from '../../lambda/page/logs/log-lines';
import { buildSearchPattern } from '../../lambda/page/logs/read-errors';
import {
  buildApplicationPatterns,
  buildDatabasePatterns,
  buildHeartbeatPatterns,
} from '../../lib/constructs/alarms/log-patterns';
import { DEPLOYMENT_PATTERNS } from '../../lib/constructs/alarms/self-alarms';
import { STOPPED_RUN_PATTERN } from '../../lib/constructs/fleet/fleet-alarms';

const LOGS = join(__dirname, '../data/postgres-logs');

/** What the patterns are made for here; each option that changes a pattern is used. */
export const WATCHED = {
  database: 'app',
  namespace: 'shop',
  excludedRoles: ['migrator'],
  ignore: ['audit_log'],
  json: { format: 'json', sqlstate: '$.err.code', message: '$.err.message' },
} as const;

const PREFIX = '2026-11-21 08:59:29 UTC:10.0.0.5(5432):shop@app:[77]:';

/** By where it is used. */
export interface LibraryPattern {
  readonly use: string;
  readonly pattern: string;
}

export function libraryPatterns(): readonly LibraryPattern[] {
  const { database, namespace, excludedRoles, ignore, json } = WATCHED;
  const each = (use: string, patterns: readonly string[]) => patterns.map((pattern) => ({ use, pattern }));
  const all = [
    ...SIGNATURES.flatMap((signature) => [
      ...each(`${signature.id}, database`, buildDatabasePatterns(signature)),
      ...each(
        `${signature.id}, database with exceptions`,
        buildDatabasePatterns(signature, { excludedRoles, ignore }),
      ),
      ...each(
        `${signature.id}, application, text`,
        buildApplicationPatterns(signature, { format: 'text' }, ignore),
      ),
      ...each(`${signature.id}, application, JSON`, buildApplicationPatterns(signature, json, ignore)),
      ...each(`${signature.id}, search`, [
        buildSearchPattern({ lines: { format: 'postgresql' } }, signature.id),
        buildSearchPattern({ lines: { format: 'text' } }, signature.id),
      ]),
    ]),
    ...each('heartbeat', buildHeartbeatPatterns(database, namespace)),
    ...Object.entries(DEPLOYMENT_PATTERNS).flatMap(([use, pattern]) => each(`deployment ${use}`, [pattern])),
    ...each('run of a fleet', [STOPPED_RUN_PATTERN]),
  ];
  return [...new Map(all.map((one) => [one.pattern, one])).values()];
}

/** Of the lines that hold none of the words, one in so many is tried. */
const OF_THE_REST = 25;

/**
 * Lines of real servers, of applications, and of our own functions: one of those that differ only in time and process,
 * and all that hold words of a signature, wherever they stand.
 */
export async function sampleEvents(): Promise<readonly string[]> {
  const events: string[] = [];
  for (const file of readdirSync(LOGS).sort()) {
    const lines = readFileSync(join(LOGS, file), 'utf8').trimEnd().split('\n');
    if (file.endsWith('-stderr.log')) for await (const event of readEventsOfFile(lines)) events.push(event);
    else if (file.endsWith('-client-errors.json')) events.push(...lines.flatMap(applicationLines));
    else events.push(...lines);
  }
  const distinct = [...new Map(events.map((event) => [withoutMoment(event), event])).values()];
  const words = SIGNATURES.flatMap(({ messages }) => messages.map(({ begins }) => begins));
  const telling = distinct.filter((event) => words.some((each) => event.includes(each)));
  const rest = distinct.filter((event) => !telling.includes(event)).filter((_, i) => i % OF_THE_REST === 0);
  return [...new Set([...telling, ...rest, ...madeLines(), ...ownLines()])];
}

/** A line for each wording, also for those that the servers of the test data never logged. */
const madeLines = (): string[] =>
  SIGNATURES.flatMap(({ messages }) =>
    messages.flatMap(({ sqlstate, begins, holds }) => {
      const message = [begins, ...holds].join(' … ');
      return [
        `${PREFIX}ERROR:  ${message}`,
        `${PREFIX}ERROR:  ${sqlstate}: ${message}`,
        ...applicationLines(JSON.stringify({ code: sqlstate, message })),
      ];
    }),
  );

/** As a text logger and as a JSON logger write what the client was told. */
function applicationLines(line: string): string[] {
  const { code, message } = JSON.parse(line) as { code?: string; message?: string };
  if (message === undefined) return [];
  return [`error: ${message}`, JSON.stringify({ level: 'error', err: { code, message } })];
}

function ownLines(): string[] {
  const { database, namespace } = WATCHED;
  const deployment = (fields: object) => JSON.stringify({ event: 'deployment-ended', ...fields });
  return [
    `${PREFIX}LOG:  ${formatHeartbeat(database, namespace)}`,
    `${PREFIX}LOG:  00000: ${formatHeartbeat(database, namespace)}`,
    `${PREFIX}LOG:  ${formatHeartbeat(database, 'other')}`,
    ...['audit_log', 'orders'].map(
      (table) =>
        `${PREFIX.replace('shop@', 'migrator@')}ERROR:  null value in column "id" of relation "${table}" violates not-null constraint`,
    ),
    deployment({ outcome: 'done', keptCount: 0 }),
    deployment({ outcome: 'done', keptCount: 2 }),
    deployment({ outcome: 'failed', keptCount: 0 }),
    deployment({ outcome: 'failed' }),
    ...['stopped', 'superseded', 'done'].flatMap((outcome) =>
      ['deployment', 'up'].map((by) => JSON.stringify({ event: 'fleet-run-ended', by, outcome })),
    ),
    JSON.stringify({ event: 'poll', outcome: 'continue' }),
  ];
}

const withoutMoment = (event: string): string =>
  event
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?/g, '')
    .replace(/\[\d+\]:(\d+:)?|"(pid|line_num|session_id|session_start|txid|query_id)":"?[^,"]*"?/g, '')
    .replace(/\b[0-9a-f]{8}\.[0-9a-f]+\b|\b\d+\/\d+\b|\(\d+\)/g, '');

/** Names an event in a recording, which then need not repeat it. */
export const fingerprint = (event: string): string =>
  createHash('sha256').update(event).digest('hex').slice(0, 12);
