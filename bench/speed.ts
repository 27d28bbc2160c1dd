/** 200 small migrations applied, and nothing to do: time here, time at 10 ms of round trip, round trips, server time. */
import type { PostgresServer } from '../lib/scratch-postgres/server';
import { startProxy } from '../test/support/proxy';
import { logSize, serverTime, withDatabase } from './server';
import { run, type Tool } from './tools';
import type { Folders } from './workload';

export interface Measured {
  readonly ms: number;
  readonly roundTrips: number;
  readonly msAtDelay: number;
  /** What the server itself worked, ms. */
  readonly serverMs: number;
}

export interface Speed {
  readonly tool: string;
  readonly version: string;
  readonly apply: Measured;
  /** Null for what keeps no history. */
  readonly noop: Measured | null;
}

export interface SpeedOptions {
  /** Round-trip time that is added, ms. */
  readonly delayMs: number;
  /** Runs of which the shortest is taken: what else the machine does only adds. */
  readonly runs: number;
  readonly runsAtDelay: number;
}

/** In rounds, each tool once a round, so that what else the machine does meets them all. */
export async function measureSpeed(
  server: PostgresServer,
  tools: readonly Tool[],
  folders: Folders,
  options: SpeedOptions,
): Promise<Speed[]> {
  const here = await rounds(options.runs, tools, (tool) => measureHere(server, tool, folders));
  const far = await rounds(options.runsAtDelay, tools, (tool) =>
    measureAtDelay(server, tool, folders, options.delayMs),
  );
  return tools.map((tool, i) => {
    const of = (step: 'apply' | 'noop'): Measured | null =>
      here[i]![0]![step] && {
        ms: least(here[i]!.map((one) => one[step]!.ms)),
        serverMs: least(here[i]!.map((one) => one[step]!.serverMs)),
        roundTrips: least(far[i]!.map((one) => one[step]!.roundTrips)),
        msAtDelay: least(far[i]!.map((one) => one[step]!.ms)),
      };
    return { tool: tool.name, version: tool.version, apply: of('apply')!, noop: of('noop') };
  });
}

interface Steps<T> {
  readonly apply: T;
  readonly noop: T | null;
}

async function twice<T>(tool: Tool, work: () => Promise<T>): Promise<Steps<T>> {
  const apply = await work();
  return { apply, noop: tool.history ? await work() : null };
}

function measureHere(server: PostgresServer, tool: Tool, folders: Folders) {
  return withDatabase(server, (url, database) =>
    twice(tool, async () => {
      const from = logSize(server);
      const ms = await run(tool.command(url, folders));
      return { ms, serverMs: serverTime(server, database, from) };
    }),
  );
}

function measureAtDelay(server: PostgresServer, tool: Tool, folders: Folders, delayMs: number) {
  return withDatabase(server, async (url) => {
    const proxy = await startProxy({ target: server, delayMs });
    try {
      return await twice(tool, async () => {
        const before = proxy.roundTrips();
        const ms = await run(tool.command(proxy.url(url), folders));
        return { ms, roundTrips: proxy.roundTrips() - before };
      });
    } finally {
      await proxy.close();
    }
  });
}

/** @returns the results of each tool */
async function rounds<T>(
  times: number,
  tools: readonly Tool[],
  work: (tool: Tool) => Promise<T>,
): Promise<T[][]> {
  const results = tools.map((): T[] => []);
  for (let round = 0; round < times; round++) {
    for (const [i, tool] of tools.entries()) results[i]!.push(await work(tool));
  }
  return results;
}

const least = (values: readonly number[]): number => Math.min(...values);
