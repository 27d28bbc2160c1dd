/**
 * `npm run bench [-- --json]`: in one run, on one server, Trueup beside psql, dbmate and node-pg-migrate.
 * `npm run bench -- --fleet 1000,300` measures a fleet of so many schemas and databases instead, and
 * `npm run bench -- --audit 10000` the audit of so many tables. Ends with exit code 1 when
 * a target is missed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditSize, measureAudit } from './audit';
import { judgeAudit, WITHOUT_PEER } from './audit-targets';
import { fleetSize, judgeFleet, measureFleet } from './fleet';
import { measureGrowth } from './growth';
import { measureGuard } from './guard';
import { measurePage } from './page';
import { measurePlanning } from './planning';
import { auditReport, fleetReport, report } from './report';
import { startServer } from './server';
import { measureSpeed } from './speed';
import { measureStall, type Stall } from './stall';
import { measureStartUp } from './start-up';
import { judge, type Results } from './targets';
import { buildTrueup, findPsql, peers } from './tools';
import { smallMigrations, writeFolders } from './workload';

const MIGRATIONS = 200;
const DELAY_MS = 10;
const RUNS = 9;
const RUNS_AT_DELAY = 3;
const HELD_MS = 5_000;

const machine = (major: number): string =>
  `PostgreSQL ${major} with fsync, Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}).`;

async function main(): Promise<void> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const root = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
  const trueup = await buildTrueup(join(root, 'cache'));
  const server = await startServer();
  const fleet = process.argv.indexOf('--fleet');
  const audit = process.argv.indexOf('--audit');
  try {
    if (audit > 0) {
      const size = auditSize(process.argv[audit + 1] ?? '');
      const measured = await measureAudit(server, trueup.tool, root, size, say);
      const targets = judgeAudit(measured);
      const notes = [
        machine(server.major),
        'pg-delta reads both databases and compares; trueup: the command line, a snapshot and an audit, starts included.',
        ...(measured.pgDelta === null ? [WITHOUT_PEER] : []),
      ];
      if (process.argv.includes('--json'))
        console.log(JSON.stringify({ ...measured, targets, notes }, null, 2));
      else console.log(auditReport(measured, targets, notes));
      process.exitCode = targets.every(({ met }) => met) ? 0 : 1;
      return;
    }
    if (fleet > 0) {
      const measured = await measureFleet(
        server,
        trueup.tool,
        root,
        fleetSize(process.argv[fleet + 1] ?? ''),
        say,
      );
      const targets = judgeFleet(measured);
      const notes = [
        machine(server.major),
        'node-pg-migrate: its function in a loop, one process; Trueup: the command line, its start included.',
      ];
      if (process.argv.includes('--json'))
        console.log(JSON.stringify({ ...measured, targets, notes }, null, 2));
      else console.log(fleetReport(measured, targets, notes));
      process.exitCode = targets.every(({ met }) => met) ? 0 : 1;
      return;
    }
    const psql = findPsql();
    const tools = [trueup.tool, ...peers, ...(psql ? [psql] : [])];
    const folders = writeFolders(root, smallMigrations(MIGRATIONS));
    say(`${MIGRATIONS} migrations with ${tools.map(({ name }) => name).join(', ')} …`);
    const speed = await measureSpeed(server, tools, folders, {
      delayMs: DELAY_MS,
      runs: RUNS,
      runsAtDelay: RUNS_AT_DELAY,
    });
    const first = writeFolders(join(root, 'first'), smallMigrations(1));
    const second = writeFolders(join(root, 'second'), smallMigrations(2));
    const stall: Stall[] = [];
    for (const tool of tools.filter(({ history }) => history)) {
      say(`${tool.name}: a table that is held …`);
      stall.push(await measureStall(server, tool, first, second, HELD_MS));
    }
    say('start-up …');
    const startUp = await measureStartUp(trueup.tool, RUNS);
    say('compiling and planning …');
    const growth = await measureGrowth();
    say('planning a workload …');
    const planning = await measurePlanning(RUNS_AT_DELAY);
    say('opening the page of an audit …');
    const page = await measurePage(RUNS);
    say('a guarded deployment …');
    const guarded = await measureGuard(RUNS_AT_DELAY);
    const results: Results = {
      runs: [RUNS, RUNS_AT_DELAY],
      migrations: MIGRATIONS,
      delayMs: DELAY_MS,
      speed,
      stall,
      startUp,
      growth,
      planning,
      page,
      guarded,
    };
    const targets = judge(results);
    const notes = [
      machine(server.major),
      'Every tool runs the same SQL. Trueup proves nothing here, since these files have no verify section; psql keeps no history and commits each statement.',
      ...(psql
        ? []
        : [
            'There is no psql on this machine, so it is left out, and so is the target of time in the server.',
          ]),
      ...(page.openMs === null
        ? ["There is no Chromium on this machine, so the target of the audit's page is left out."]
        : []),
    ];
    const missed = targets.filter(({ met }) => !met);
    if (process.argv.includes('--json')) {
      console.log(JSON.stringify({ ...results, targets, notes }, null, 2));
    } else console.log(report(results, targets, notes));
    process.exitCode = missed.length > 0 ? 1 : 0;
  } finally {
    await server.stop();
    trueup.remove();
    rmSync(root, { recursive: true, force: true });
  }
}

void main();
