/** What a command costs before it does anything: beside a bare `node -e 0`, in turns, the shortest of several. */
import { run, type Tool } from './tools';

export interface StartUp {
  readonly nodeMs: number;
  readonly versionMs: number;
}

export async function measureStartUp(trueup: Tool, runs: number): Promise<StartUp> {
  const node = { file: process.execPath, args: ['-e', '0'] };
  const [program] = trueup.command('', { psql: '', dbmate: '', nodePgMigrate: '' }).args;
  const version = { file: process.execPath, args: [program!, '--version'] };
  let [nodeMs, versionMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < runs; i++) {
    nodeMs = Math.min(nodeMs, await run(node));
    versionMs = Math.min(versionMs, await run(version));
  }
  return { nodeMs, versionMs };
}
