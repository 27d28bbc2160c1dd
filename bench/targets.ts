/** What has to be reached, and whether it was. Pure. */
import type { Growth } from './growth';
import type { Guarded } from './guard';
import type { PageOpened } from './page';
import type { Planning } from './planning';
import type { Speed } from './speed';
import type { Stall } from './stall';
import type { StartUp } from './start-up';

export interface Results {
  /** How often each tool ran: here, and at the added round-trip time. */
  readonly runs: readonly [here: number, delayed: number];
  readonly migrations: number;
  readonly delayMs: number;
  readonly speed: readonly Speed[];
  readonly stall: readonly Stall[];
  readonly startUp: StartUp;
  readonly growth: Growth;
  readonly planning: Planning;
  readonly page: PageOpened;
  readonly guarded: readonly Guarded[];
}

export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly reached: string;
  readonly met: boolean;
}

/** The peers that keep a history: what Trueup is compared with. psql keeps none, so it is the floor. */
const PEERS = ['dbmate', 'node-pg-migrate'];
/** The one that runs on Node.js, as Trueup does; dbmate is a program of Go. */
const SAME_RUNTIME = 'node-pg-migrate';
/** Ten times the work in ten times the time, with room for a busy machine. */
const LINEAR = 14;
/** What deciding may take beside what the server needs to analyse and plan. */
const OF_BARE = 8;

export function judge(results: Results): Target[] {
  const { migrations, delayMs, growth, planning, page } = results;
  const own = results.speed.find(({ tool }) => tool === 'trueup')!;
  const psql = results.speed.find(({ tool }) => tool.startsWith('psql'));
  const best = Math.min(
    ...results.speed.filter(({ tool }) => PEERS.includes(tool)).map(({ apply }) => apply.msAtDelay),
  );
  const stall = results.stall.find(({ tool }) => tool === 'trueup')!;
  const longest = Math.max(stall.readerMs, stall.writerMs);
  const [small, large] = [0, 1].map((i) => growth.compileMs[i]! + growth.planMs[i]!);
  const growthRatio = large! / small!;
  const targets: Target[] = [
    atMost(`round trips for ${migrations} migrations`, own.apply.roundTrips, 50),
    atMost('round trips when there is nothing to do', own.noop!.roundTrips, 2),
    {
      ...atMost(`time at ${delayMs} ms of round trip, of the best peer's`, own.apply.msAtDelay / best, 0.25),
      reached: `${(own.apply.msAtDelay / best).toFixed(2)} (${seconds(own.apply.msAtDelay)} of ${seconds(best)})`,
    },
    ...notSlower(own, results.speed.find(({ tool }) => tool === SAME_RUNTIME)!, delayMs),
    {
      ...atMost('start-up, of a bare `node -e 0`', results.startUp.versionMs / results.startUp.nodeMs, 1.3),
      reached: `${(results.startUp.versionMs / results.startUp.nodeMs).toFixed(2)} (${results.startUp.versionMs.toFixed(0)} ms of ${results.startUp.nodeMs.toFixed(0)} ms)`,
    },
    {
      ...atMost('longest stall of the application, s', longest / 1000, 1),
      reached: (longest / 1000).toFixed(2),
    },
    {
      ...atMost(
        `time to compile and plan, ${growth.large} to ${growth.small} migrations`,
        growthRatio,
        LINEAR,
      ),
      reached: growthRatio.toFixed(1),
    },
    ...results.guarded.flatMap((each) => [
      {
        ...atMost(
          `a guarded commit, ${each.statements} statements on PostgreSQL ${each.major}, s`,
          each.commitMs / 1000,
          1.5,
        ),
        reached: `${(each.commitMs / 1000).toFixed(2)} (${(each.without.commitMs / 1000).toFixed(2)} without; all of the run ${seconds(each.serverMs)})`,
      },
      atMost('the same, statements that it had no time for', each.notPlanned, 0),
      {
        ...atMost('the same, round trips more a run', each.roundTrips - each.without.roundTrips, 2),
        reached: `${each.roundTrips - each.without.roundTrips} (${each.roundTrips} of ${each.without.roundTrips})`,
      },
    ]),
    {
      ...atMost(
        `planning ${planning.statements} statements on PostgreSQL ${planning.major}, s`,
        planning.planMs / 1000,
        1.5,
      ),
      reached: (planning.planMs / 1000).toFixed(2),
    },
    {
      ...atMost(
        'the same, of a bare loop of PREPARE and EXPLAIN',
        planning.planMs / planning.bareMs,
        OF_BARE,
      ),
      reached: (planning.planMs / planning.bareMs).toFixed(1),
    },
    {
      ...atMost('the same, ten times as many statements', planning.largeMs / planning.planMs, LINEAR),
      reached: (planning.largeMs / planning.planMs).toFixed(1),
    },
  ];
  if (page.openMs !== null) {
    targets.push({
      ...atMost(`a browser opens an audit's page of ${page.findings} findings, s`, page.openMs / 1000, 1),
      reached: (page.openMs / 1000).toFixed(2),
    });
  }
  if (psql) {
    targets.push({
      what: "time in the server, of psql's",
      wanted: '≤ 1',
      reached: `${(own.apply.serverMs / psql.apply.serverMs).toFixed(2)} (${seconds(own.apply.serverMs)} of ${seconds(psql.apply.serverMs)})`,
      met: own.apply.serverMs <= psql.apply.serverMs,
    });
  }
  return targets;
}

function notSlower(own: Speed, peer: Speed, delayMs: number): Target[] {
  const columns = [
    ['apply', own.apply.ms, peer.apply.ms],
    [`apply at ${delayMs} ms`, own.apply.msAtDelay, peer.apply.msAtDelay],
    ['nothing to do', own.noop!.ms, peer.noop!.ms],
    [`nothing to do at ${delayMs} ms`, own.noop!.msAtDelay, peer.noop!.msAtDelay],
  ] as const;
  return columns.map(([what, ownMs, peerMs]) => ({
    ...atMost(`${what}, of ${peer.tool}'s`, ownMs / peerMs, 1),
    reached: `${(ownMs / peerMs).toFixed(2)} (${seconds(ownMs)} of ${seconds(peerMs)})`,
  }));
}

const atMost = (what: string, value: number, limit: number): Target => ({
  what,
  wanted: `≤ ${limit}`,
  reached: String(value),
  met: value <= limit,
});

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
