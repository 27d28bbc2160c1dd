/** `--stack` with a fleet: the stack's function starts a run of Step Functions, which is polled until it ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetAnswer, FleetQuery, RunReport, TenantRow } from '../../../lambda/contract/fleet-run';
import type { MigrateRequest } from '../../../lambda/contract/migrate';
import { EXIT, type ExitCode } from '../exit-codes';
import { describePending } from '../fleet/report';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import { createProgressView } from '../terminal/progress';
import { formatCount, type Terminal } from '../terminal/terminal';
import { invokeMigrateFunction } from './migrate-function';
import { hasOutput, readStackOutputs, requireOutput } from './stack-outputs';

export interface RemoteFleetOptions {
  readonly stack?: string;
  readonly namespace?: string;
  readonly tenant?: readonly string[];
  readonly exitCode?: boolean;
}

const PAUSE_MS = 2_000;
/** Maximum number of tenants that are behind and are listed by name. */
const MAX_SHOWN = 20;

/** The report of a finished run, and its tenants. */
interface FleetRunResult {
  readonly report: RunReport;
  readonly tenants: readonly TenantRow[];
}

export async function runRemoteFleetStatus(
  terminal: Terminal,
  options: RemoteFleetOptions,
): Promise<ExitCode> {
  const { tenant: names } = options;
  const { report, tenants } = await queryFleet(terminal, options, {
    action: 'status',
    ...(names === undefined ? {} : { tenants: names }),
  });
  if (terminal.json) printJson(terminal, { tenantCount: report.tenantCount, states: report.states, tenants });
  else printTenants(terminal, tenants, report);
  if (!options.exitCode) return EXIT.ok;
  if (report.wrong > 0) return EXIT.failed;
  return tenants.some(({ state }) => state === 'behind') ? EXIT.pending : EXIT.ok;
}

export async function runRemoteFleetUp(terminal: Terminal, options: RemoteFleetOptions): Promise<ExitCode> {
  const { tenant: names } = options;
  if (names === undefined)
    throw new UsageError(
      'with --stack, `up` requires --tenant',
      'Name the tenants to migrate with --tenant. `cdk deploy` migrates all of them.',
    );
  const { report, tenants } = await queryFleet(terminal, options, { action: 'up', tenants: names });
  if (terminal.json) printJson(terminal, report);
  else printTenants(terminal, tenants, report);
  return report.wrong > 0 || report.stopped !== null ? EXIT.failed : EXIT.ok;
}

async function queryFleet(
  terminal: Terminal,
  { stack, namespace }: RemoteFleetOptions,
  question: FleetQuery,
): Promise<FleetRunResult> {
  const ask = await findFleetFunction(stack!, namespace, question.action === 'up');
  const started = await ask(question);
  if (started.action !== 'started') throw new Error(`the function answered ${started.action}`);
  const progress = createProgressView(terminal);
  const report = await progress.during(async () => {
    for (;;) {
      const at = await ask({ action: 'progress', run: started.run });
      if (at.action !== 'progress') throw new Error(`the function answered ${at.action}`);
      if (at.error !== null) throw new Error(`${at.error}. What is done is recorded; try again.`);
      if (at.done && at.report !== null) return at.report;
      progress.now(`${at.wave}: ${formatCount(started.tenantCount, 'tenant')}`);
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

/**
 * Returns the function of a stack's fleet.
 * @throws {UsageError} if the stack has no fleet, or the function rejects the request
 */
async function findFleetFunction(
  stack: string,
  namespace: string | undefined,
  migrates: boolean,
): Promise<(question: FleetQuery) => Promise<FleetAnswer>> {
  const whatFor = 'It must be the stack that contains SchemaFleet, with its outputs.';
  const outputs = await readStackOutputs(stack);
  // A stack that an older version deployed has one function for both purposes.
  const queryOnly = !migrates && hasOutput(outputs, 'FleetQueryFunction');
  const wanted = queryOnly ? 'FleetQueryFunction' : 'FleetFunction';
  const name = requireOutput(stack, outputs, wanted, whatFor, namespace);
  return async (question) => {
    // This is not the function `migrate`, but it is invoked in the same way.
    const response = await invokeMigrateFunction(
      name,
      question as unknown as MigrateRequest,
      queryOnly ? 'grantQuery()' : 'grantUp()',
    );
    const answer = response as unknown as FleetAnswer;
    if (answer.action === 'refused')
      throw new UsageError(answer.message.replace(/\.$/, ''), 'Nothing was changed by this call.');
    return answer;
  };
}

const HEALTHY_STATES = new Set(['up to date', 'behind']);

function printTenants({ out }: Terminal, tenants: readonly TenantRow[], report: RunReport): void {
  const { colors } = out;
  for (const { name, server, state, why = '' } of tenants.filter((each) => !HEALTHY_STATES.has(each.state)))
    out.line(`${colors.red(state)}  ${colors.bold(name)} on ${server}  ${why}`.trimEnd());
  const behind = tenants.filter(({ state }) => state === 'behind');
  for (const row of behind.slice(0, MAX_SHOWN))
    out.line(
      `${colors.yellow('behind')}  ${colors.bold(row.name)} on ${row.server}  ${describePending(row)}`,
    );
  if (behind.length > MAX_SHOWN)
    out.line(`and ${behind.length - MAX_SHOWN} more that are behind; --json lists all.`);
  const states = Object.entries(report.states).map(([state, count]) => `${count} ${state}`);
  out.line(`${formatCount(report.tenantCount, 'tenant')}: ${states.join(', ')}.`);
}
