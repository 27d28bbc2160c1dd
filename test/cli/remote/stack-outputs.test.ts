/** Our outputs among those of a synthesized app, with each kind of reference between stacks that CDK has. */
import { App, CfnOutput, type Stack } from 'aws-cdk-lib';
import flags from 'aws-cdk-lib/recommended-feature-flags.json';
import { describe, expect, test } from 'vitest';
import { describeOutput } from '../../../lambda/contract/stack-outputs';
import { hasOutput, requireOutput } from '../../../lib/cli/remote/stack-outputs';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../../lib/stacks/database-stack';
import { SchemaStack } from '../../../lib/stacks/schema-stack';
import { WatchStack } from '../../../lib/stacks/watch-stack';
import { PEOPLE_FOLDER, temporaryFolder } from '../../support/synth';

type Template = { Outputs: Record<string, { Description?: string; Value: unknown }> };

/** As DescribeStacks answers, with the output's key for its value. */
function outputsOf(app: App, stack: Stack) {
  const { Outputs } = app.synth().getStackByName(stack.stackName).template as Template;
  return Object.entries(Outputs).map(([OutputKey, { Description }]) => ({
    OutputKey,
    OutputValue: OutputKey,
    Description,
  }));
}

function watchedApp(context: Record<string, unknown>) {
  const app = new App({
    outdir: temporaryFolder(),
    analyticsReporting: false,
    context: { ...context, 'aws:cdk:bundling-stacks': [] },
  });
  const folder = PEOPLE_FOLDER;
  const server = new DatabaseStack(app, 'Server');
  const shop = new SchemaStack(app, 'Shop', {
    schema: { database: server.database({ databaseName: 'shop' }), folder, ledgerName: 'shop' },
  });
  const watch = (schemas: SchemaMigrations[]) =>
    new WatchStack(app, 'Watch', { databaseLogGroupName: server.logGroupName, schemas });
  const another = () =>
    new SchemaMigrations(shop, 'Another', { database: server.database(), folder, ledgerName: 'billing' });
  return { app, shop, watch, another };
}

const KINDS = {
  'as cdk init sets it': flags,
  'weak references': { '@aws-cdk/core:defaultCrossStackReferences': 'weak' },
  'both kinds': { '@aws-cdk/core:defaultCrossStackReferences': 'both' },
  'strong references': {},
};

describe.each(Object.entries(KINDS))('%s', (_, context) => {
  test('one schema, and what watches it', () => {
    const { app, shop, watch } = watchedApp(context);
    const watching = watch([shop.schema]);
    const outputs = outputsOf(app, shop);
    expect(outputs.filter(({ OutputKey }) => OutputKey.includes('QueryFunction')).length).toBeGreaterThan(1);
    expect(requireOutput('Shop', outputs, 'QueryFunction', '')).toMatch(/^SchemaQueryFunction\w{8}$/);
    expect(requireOutput('Shop', outputs, 'MigrateFunction', '', 'shop')).toMatch(
      /^SchemaMigrateFunction\w{8}$/,
    );
    expect(requireOutput('Watch', outputsOf(app, watching), 'WatchedLogGroup', '')).toMatch(
      /^AlarmsWatchedLogGroup/,
    );
    expect(hasOutput(outputs, 'FleetFunction')).toBe(false);
  });

  test('two schemas, and outputs of the user with the same words in their names', () => {
    const { app, shop, watch, another } = watchedApp(context);
    watch([shop.schema, another()]);
    new CfnOutput(shop, 'MyQueryFunctionArn', {
      value: shop.schema.queryFunction.functionArn,
      description: 'Ours',
    });
    const outputs = outputsOf(app, shop);
    expect(() => requireOutput('Shop', outputs, 'QueryFunction', '')).toThrow(
      'the stack Shop has several schemas',
    );
    expect(() => requireOutput('Shop', outputs, 'QueryFunction', '', 'none')).toThrow(
      'the stack Shop has no schema none',
    );
    expect(requireOutput('Shop', outputs, 'QueryFunction', '', 'billing')).toMatch(
      /^AnotherQueryFunction\w{8}$/,
    );
  });
});

test('a stack whose schemas nothing tells apart', () => {
  const Description = describeOutput('MigrateFunction', 'schema shop');
  const same = ['A', 'B'].map((OutputKey) => ({ OutputKey, OutputValue: OutputKey, Description }));
  for (const namespace of [undefined, 'shop']) {
    expect(() => requireOutput('Shop', same, 'MigrateFunction', '', namespace)).toThrow(
      'the stack Shop has 2 outputs MigrateFunction of the schema shop',
    );
  }
});
