import { describe, expect, it } from 'vitest';
import type { Manifest, Migration } from '../../lambda/contract/manifest';
import { makeManifest, sha256 } from '../../lambda/contract/manifest';
import { converge } from '../../lambda/engine';
import { checkDrift } from '../../lambda/migrate/drift';
import { type LogSetting, listLogSettingProblems } from '../../lambda/migrate/log-settings';
import { buildDriftMetrics } from '../../lambda/migrate/metrics';
import { parseLogLine, readEventsOfFile } from '../../lambda/page/logs/log-lines';
import { connectPg } from '../../lambda/postgres/pg';
import { buildHeartbeatPatterns } from '../../lib/constructs/alarms/log-patterns';
import { majors } from '../support/database';
import { compileFilterPattern } from '../support/filter-pattern';
import { type LogServer, startLogServer } from '../support/log-server';

const up = `CREATE TABLE lead_purchases (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int)`;
const verify = `SELECT trueup.col_has_default('lead_purchases', 'id')`;
const migration: Migration = {
  name: '0001_lead_purchases',
  kind: 'versioned',
  version: '0001',
  file: '0001_lead_purchases.sql',
  description: '',
  preflight: [],
  statements: [
    {
      sql: up,
      line: 1,
      checksum: sha256(up),
      command: 'CREATE TABLE',
      execution: 'transaction',
      locks: [],
      destroys: null,
      rewrites: null,
      target: null,
      effects: [],
    },
  ],
  verify: [{ sql: verify, line: 2, checks: [] }],
  verifyWhen: 'before-commit',
  withoutVerify: null,
  down: [],
  undo: 'none',
  settings: { supersedes: [] },
  checksums: { up: sha256(up), down: null, verify: sha256(verify), preflight: null },
} as Migration;
const manifest: Manifest = makeManifest([migration]);

describe.each(majors())('PostgreSQL %i', (major) => {
  it('finds what somebody changed, writes nothing but the heartbeat line', async () => {
    const server: LogServer = await startLogServer(major);
    const url = server.server.url();
    const context = (readOnly: boolean) => ({
      connect: () => connectPg({ url, readOnly }),
      manifest,
      deadline: Date.now() + 60_000,
    });
    const outcome = await converge(context(false), {
      id: 'first',
      namespace: "mar'ket%place",
      owner: null,
      direction: 'forward',
      manifestHash: manifest.hash,
    });
    expect(outcome).toMatchObject({ status: 'done' });
    const check = () => checkDrift(context(true), "mar'ket%place");

    const clean = await check();
    expect(clean).toMatchObject({
      verification: { verified: ['0001_lead_purchases'], findings: [], errors: [] },
      audit: { found: 0, unpaged: 0, problem: null },
      logging: [],
    });
    expect(buildDriftMetrics('marketplace', clean, 5)).toMatchObject({
      FunctionName: 'marketplace',
      Drift: 0,
      DriftChecked: 1,
      LoggingProblems: 0,
      VerifiedMigrations: 1,
      PendingMigrations: 0,
      AuditFindings: 0,
      NewFindings: 0,
    });

    const lines = await server.logged(async (client) => {
      await client.query('ALTER TABLE lead_purchases ALTER id DROP DEFAULT');
      await client.query('ALTER TABLE lead_purchases ADD CHECK (n > 0) NOT VALID');
      await client.query('INSERT INTO lead_purchases SELECT gen_random_uuid(), 7 FROM generate_series(1, 2)');
      await client.query('CREATE UNIQUE INDEX CONCURRENTLY broken ON lead_purchases (n)').catch(() => {});
      await client.query(
        'CREATE TABLE imported (id serial PRIMARY KEY); INSERT INTO imported VALUES (1), (2)',
      );
      await client.query('CREATE TABLE far (id serial PRIMARY KEY); INSERT INTO far VALUES (1000000)');
      await client.query("ALTER ROLE postgres SET log_min_error_statement = 'panic'");
      const drifted = await check();
      expect(drifted.verification.findings).toHaveLength(1);
      expect(drifted.audit?.named.map(({ confidence, message }) => `${confidence} ${message}`)).toEqual([
        'A Sequence public.imported_id_seq is behind public.imported.id: one of its next values is already taken.',
        'A Index public.broken on public.lead_purchases is INVALID and unique.',
        // Its rows are not asked on a schedule.
        'C Constraint lead_purchases_n_check on public.lead_purchases is NOT VALID.',
      ]);
      expect(drifted.logging.join()).toMatch(
        /log_min_error_statement is "panic" for role postgres: failing statements are not logged/,
      );
      expect(buildDriftMetrics('marketplace', drifted, 5)).toMatchObject({
        Drift: 1,
        AuditFindings: 3,
        NewFindings: 3,
      });
      await client.query('ALTER ROLE postgres RESET log_min_error_statement');
    });
    const events: string[] = [];
    for await (const event of readEventsOfFile(lines)) events.push(event);
    const heartbeat = events.find(
      (event) => parseLogLine(event)?.severity === 'LOG' && event.includes('heartbeat'),
    );
    expect(heartbeat).toMatch(/LOG: {2}trueup heartbeat \(postgres\/mar'ket%place\)$/);
    const filters = buildHeartbeatPatterns('postgres', "mar'ket%place").map(compileFilterPattern);
    expect(events.flatMap((event) => filters.filter((matches) => matches(event)))).toHaveLength(1);
  });
});

describe('log settings', () => {
  const problem = (name: LogSetting['name'], value: string): number =>
    listLogSettingProblems([{ name, value, scope: '' }]).length;
  it.each([
    ['lc_messages', 'C', 0],
    ['lc_messages', 'en_US.UTF-8', 0],
    ['lc_messages', '', 0],
    ['lc_messages', 'de_DE.UTF-8', 1],
    ['log_min_messages', 'warning', 0],
    ['log_min_messages', 'error', 0],
    ['log_min_messages', 'log', 1],
    ['log_min_messages', 'panic', 1],
    ['log_min_error_statement', 'error', 0],
    ['log_min_error_statement', 'panic', 1],
    ['log_destination', 'stderr', 0],
    ['log_destination', 'stderr, csvlog', 0],
    ['log_destination', 'csvlog', 1],
    ['log_line_prefix', '%t:%r:%u@%d:[%p]:', 0],
    ['log_line_prefix', '%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a', 0],
    ['log_line_prefix', '%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:', 0],
    ['log_line_prefix', '%m [%p] ', 1],
  ] as const)('%s = %s: %i', (name, value, problems) => {
    expect(problem(name, value)).toBe(problems);
  });
});
