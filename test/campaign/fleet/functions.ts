/** Functions of a fleet's servers as Lambda runs them: one process for each call at a time, kept for the next; some of them die. */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetFile } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { MigrateRequest, MigrateResponse } from '../../../lambda/contract/migrate';
import type { Random } from '../random';

export interface Chances {
  /** Of a call in a thousand. */
  dies: number;
}

/** Of a server's function, beside the manifest. */
export const codeOf = ({ workload }: Manifest): string => workload?.hash ?? 'none';

export class Functions {
  killed = 0;
  private idle: ChildProcess[] = [];
  private file = '';
  private fleetFile = '';

  constructor(
    private readonly script: string,
    private readonly folder: string,
    private readonly server: string,
    private readonly fleet: FleetFile,
    private readonly namespace: string,
    private readonly random: Random,
    private readonly chances: Chances,
  ) {}

  /** As CloudFormation updates a function: calls under way come to their end with the code that they have. */
  deploy(manifest: Manifest): void {
    const code = codeOf(manifest);
    const named = `${manifest.hash.slice(0, 12)}-${code.slice(0, 12)}`;
    this.file = join(this.folder, `${named}.json`);
    this.fleetFile = join(this.folder, `${named}-${this.fleet.server}.json`);
    writeFileSync(this.file, JSON.stringify(manifest));
    writeFileSync(this.fleetFile, JSON.stringify({ ...this.fleet, code }));
    for (const child of this.idle.splice(0)) child.kill();
  }

  /** Null where the process died. */
  async call(request: MigrateRequest): Promise<MigrateResponse | null> {
    const { file } = this;
    const child =
      this.idle.pop() ??
      fork(this.script, [this.server, file, this.fleetFile, this.namespace], {
        stdio: 'ignore',
        execArgv: [],
      });
    const afterMs = this.random.below(1_000) < this.chances.dies ? this.random.below(120) : undefined;
    const timer =
      afterMs === undefined
        ? undefined
        : setTimeout(() => {
            if (child.kill('SIGKILL')) this.killed++;
          }, afterMs);
    const answer = await new Promise<MigrateResponse | null>((done) => {
      child.once('message', (message) => done(message as MigrateResponse)).once('exit', () => done(null));
      child.send(request);
    });
    clearTimeout(timer);
    child.removeAllListeners();
    if (answer === null || file !== this.file) child.kill();
    else this.idle.push(child);
    return answer;
  }

  stop(): void {
    for (const child of this.idle.splice(0)) child.kill();
  }
}
