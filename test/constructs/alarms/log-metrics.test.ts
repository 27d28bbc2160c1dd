/** How many metric filters CloudFormation would make at once: CloudWatch Logs throttles, and a throttled filter fails. */
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as logs from 'aws-cdk-lib/aws-logs';
import { expect, it } from 'vitest';
import { SchemaAlarms } from '../../../lib/constructs/alarms/schema-alarms';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { composeStacks, readSettings } from '../../../lib/stacks/compose';
import { deployment } from '../../support/deployment';
import { PEOPLE_FOLDER, type Resource, resourcesOf, testApp } from '../../support/synth';

/** The largest number of filters none of which waits for another: each wave is what CloudFormation starts together. */
function waves(filters: Record<string, Resource>): number[] {
  const depth = (id: string): number =>
    1 + Math.max(0, ...(filters[id]!.DependsOn ?? []).filter((each) => each in filters).map(depth));
  const counts: number[] = [];
  for (const id of Object.keys(filters)) counts[depth(id) - 1] = (counts[depth(id) - 1] ?? 0) + 1;
  return counts;
}

const filtersOf = (stack: Stack) => resourcesOf(Template.fromStack(stack), 'AWS::Logs::MetricFilter');

it('three at once, over all log groups of the stack that watches', () => {
  const app = testApp();
  composeStacks(app, readSettings(app));
  const filters = filtersOf(app.node.findChild('TrueupWatch') as Stack);
  const counts = waves(filters);
  expect(Math.max(...counts)).toBe(3);
  expect(counts).toHaveLength(Math.ceil(Object.keys(filters).length / 3));
});

it('two servers that one stack watches share the three', () => {
  const { app, server, stack: schemas, schema } = deployment();
  const other = new SchemaMigrations(schemas, 'Other', {
    database: server.database({ databaseName: 'other' }),
    folder: PEOPLE_FOLDER,
    ledgerName: 'other',
  });
  const stack = new Stack(app, 'Watch');
  for (const name of ['one', 'two']) {
    new SchemaAlarms(stack, name, {
      databaseLogGroup: logs.LogGroup.fromLogGroupName(
        stack,
        `${name}Log`,
        `/aws/rds/instance/${name}/postgresql`,
      ),
      schemas: name === 'one' ? [schema] : [other],
    });
  }
  expect(Math.max(...waves(filtersOf(stack)))).toBe(3);
});
