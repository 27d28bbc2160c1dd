/** `--stack` of a fleet: its function starts a run of Step Functions, and is asked until that has come to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetAnswer, FleetQuestion, RunReport, TenantRow } from '../../../lambda/contract/fleet-run';
import type { MigrateRequest } from '../../../lambda/contract/migrate';
import { EXIT, type ExitCode } from '../exit-codes';
import { waitsFor } from '../fleet/report';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { progressView } from '../terminal/progress';
import { plural, type Terminal } from '../terminal/terminal';
import { invokeNamed } from './migrate-function';
import { outputOf, stackOutputs } from './stack-outputs';

export interface RemoteFleetOptions {
  readonly stack?: string;
  readonly namespace?: string;
  readonly target?: readonly string[];
  readonly exitCode?: boolean;
}

const PAUSE_MS = 2_000;
/** Tenants that are behind, by name. */
const SHOWN = 20;

/** What a run found, and each tenant. */
interface Finished {
  readonly report: RunReport;
  readonly tenants: readonly TenantRow[];
}

export async function runRemoteFleetStatus(
  terminal: Terminal,
  options: RemoteFleetOptions,
): Promise<ExitCode> {
  const { target: targets } = options;
  const { report, tenants } = await run(terminal, options, {
    action: 'status',
    ...(targets === undefined ? {} : { targets }),
  });
  if (terminal.json) printJson(terminal, { targets: report.targets, states: report.states, tenants });
  else printTenants(terminal, tenants, report);
  if (!options.exitCode) return EXIT.ok;
  if (report.wrong > 0) return EXIT.failed;
  return tenants.some(({ state }) => state === 'behind') ? EXIT.pending : EXIT.ok;
}

export async function runRemoteFleetUp(terminal: Terminal, options: RemoteFleetOptions): Promise<ExitCode> {
  const { target: targets } = options;
  if (targets === undefined)
    throw new UsageError(
      'with --stack, `up` brings up the tenants that --target names',
      '`cdk deploy` brings up all of them.',
    );
  const { report, tenants } = await run(terminal, options, { action: 'up', targets });
  if (terminal.json) printJson(terminal, report);
  else printTenants(terminal, tenants, report);
  return report.wrong > 0 || report.stopped !== null ? EXIT.failed : EXIT.ok;
}

async function run(
  terminal: Terminal,
  { stack, namespace }: RemoteFleetOptions,
  question: FleetQuestion,
): Promise<Finished> {
  const ask = await fleetFunction(stack!, namespace);
  const started = await ask(question);
  if (started.action !== 'started') throw new Error(`the function answered ${started.action}`);
  const progress = progressView(terminal);
  const report = await progress.during(async () => {
    for (;;) {
      const at = await ask({ action: 'progress', run: started.run });
      if (at.action !== 'progress') throw new Error(`the function answered ${at.action}`);
      if (at.error !== null) throw new Error(`${at.error}. What is done is recorded; try again.`);
      if (at.done && at.report !== null) return at.report;
      progress.now(`${at.wave}: ${plural(started.targets, 'tenant')}`);
      await sleep(PAUSE_MS);
    }
  });
  const tenants: TenantRow[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const page: FleetAnswer = await ask({ action: 'tenants', run: started.run, from });
    if (page.action !== 'tenants') throw new Error(`the function answered ${page.action}`);
    tenants.push(...page.tenants);
    from = page.next;
  }
  return { report, tenants };
}

/** @throws {UsageError} where the stack has no fleet, or what is asked cannot be done */
async function fleetFunction(
  stack: string,
  namespace: string | undefined,
): Promise<(question: FleetQuestion) => Promise<FleetAnswer>> {
  const whatFor = 'It must be the stack that contains SchemaFleet, with its outputs.';
  const name = outputOf(stack, await stackOutputs(stack), 'FleetFunction', whatFor, namespace);
  return async (question) => {
    // Another function than `migrate`, invoked in the same way.
    const response = await invokeNamed(name, question as unknown as MigrateRequest, 'grantUp()');
    const answer = response as unknown as FleetAnswer;
    if (answer.action === 'refused')
      throw new UsageError(answer.message.replace(/\.$/, ''), 'Nothing was changed by this call.');
    return answer;
  };
}

const RIGHT = new Set(['at version', 'behind']);

function printTenants({ out }: Terminal, tenants: readonly TenantRow[], report: RunReport): void {
  const { colors } = out;
  for (const { name, server, state, why = '' } of tenants.filter((each) => !RIGHT.has(each.state)))
    out.line(`${colors.red(state)}  ${colors.bold(name)} on ${server}  ${why}`.trimEnd());
  const behind = tenants.filter(({ state }) => state === 'behind');
  for (const row of behind.slice(0, SHOWN))
    out.line(`${colors.yellow('behind')}  ${colors.bold(row.name)} on ${row.server}  ${waitsFor(row)}`);
  if (behind.length > SHOWN) out.line(`and ${behind.length - SHOWN} more that are behind; --json lists all.`);
  const states = Object.entries(report.states).map(([state, count]) => `${count} ${state}`);
  out.line(`${plural(report.targets, 'tenant')}: ${states.join(', ')}.`);
}
