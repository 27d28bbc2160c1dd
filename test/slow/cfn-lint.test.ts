/** cfn-lint knows AWS's resource schemas and best practices. It is a Python program, installed beside node_modules. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { describe, expect, it } from 'vitest';
import { SchemaAlarms } from '../../lib/constructs/alarms/schema-alarms';
import { FleetCheck } from '../../lib/constructs/fleet/fleet-check';
import { SchemaFleet } from '../../lib/constructs/fleet/schema-fleet';
import { FleetTenants } from '../../lib/constructs/fleet/tenants';
import { SchemaMigrations } from '../../lib/constructs/migrations/schema-migrations';
import { Notify } from '../../lib/constructs/notify/notify';
import { DatabaseStack } from '../../lib/stacks/database-stack';
import { SchemaStack } from '../../lib/stacks/schema-stack';
import { WatchStack } from '../../lib/stacks/watch-stack';
import { findPython, pythonWithRequirements } from '../e2e/support/python';
import { PEOPLE_FOLDER, testApp } from '../support/synth';

const IGNORED = {
  // CDK writes DependsOn where a reference says the same already.
  W3005: 'redundant dependency',
};

function synthesize(): string {
  const app = testApp();
  const someSecret = new secretsmanager.Secret(new Stack(app, 'Keys'), 'Key');
  const folder = PEOPLE_FOLDER;
  for (const [name, props] of Object.entries({
    Instance: {},
    MinimalInstance: { minimalCost: true, managedSecret: false, logStatements: false },
    Aurora: { engine: 'aurora', dataApi: true },
    MinimalAurora: { engine: 'aurora', dataApi: true, minimalCost: true },
  } as const)) {
    const server = new DatabaseStack(app, `${name}Server`, props);
    const schema = (id: string, database: ReturnType<typeof server.database>) =>
      new SchemaStack(app, `${name}${id}`, {
        schema: { database, folder },
        databaseLogGroupName: server.logGroupName,
      });
    const stacks = [
      schema('Secret', server.database({ databaseName: 'a', createDatabase: true })),
      schema('Iam', server.database({ databaseName: 'b', auth: 'iam' })),
      ...(server.cluster ? [schema('DataApi', server.dataApi())] : []),
    ];
    new WatchStack(app, `${name}Watch`, {
      databaseLogGroupName: server.logGroupName,
      schemas: stacks.map((stack) => stack.schema),
      alarms: {
        notify: [
          Notify.email('on-call@example.com'),
          Notify.pagerDuty(someSecret),
          Notify.webhook('https://events.example.com/x', someSecret),
        ],
      },
    });
  }
  const server = new DatabaseStack(app, 'FleetServer');
  const stack = new Stack(app, 'Fleet');
  const fleet = new SchemaFleet(stack, 'Tenants', {
    servers: {
      main: server.database(),
      eu: new DatabaseStack(app, 'FleetEu', { vpc: server.vpc }).database(),
    },
    ledgerName: 'fleet',
    tenants: [FleetTenants.list({ bucket: 'acme-tenants', key: 'tenants.jsonl' })],
    folder,
  });
  const databaseLogGroup = logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', server.logGroupName);
  const control = new SchemaMigrations(stack, 'Control', {
    database: server.database(),
    folder,
    ledgerName: 'control',
  });
  const alarms = new SchemaAlarms(stack, 'Alarms', { databaseLogGroup, schemas: [control] });
  new FleetCheck(stack, 'Check', { fleet, alarms });
  return app.synth().directory;
}

describe('cfn-lint', () => {
  it('finds nothing', async (context) => {
    const python = await findPython();
    if (!python) {
      // In CI a missing Python is a fault of the machine, not a reason to look away.
      if (process.env.CI) throw new Error('cfn-lint needs Python 3.10 or later with venv, and none is here.');
      return context.skip('no Python 3.10 or later with venv');
    }
    const executable = await pythonWithRequirements(python, join(__dirname, 'cfn-lint', 'requirements.txt'));
    const directory = synthesize();
    const templates = readdirSync(directory)
      .filter((name) => name.endsWith('.template.json'))
      .map((name) => join(directory, name));
    expect(templates).toHaveLength(22);
    const args = ['--format', 'parseable', '--ignore-checks', ...Object.keys(IGNORED), '--', ...templates];
    expect(
      run(executable, ['-c', 'import sys; from cfnlint.runner import main; sys.exit(main())', ...args]),
    ).toBe('');
  });
});

/** What it says; it leaves with another code than 0 when it has something to say. */
function run(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${stdout}${stderr}`.trim() || String(error);
  }
}
