import { Duration } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { buildDatabasePatterns } from '../../lib/constructs/alarms/log-patterns';
import { composeStacks, readSettings } from '../../lib/stacks/compose';
import { WatchStack } from '../../lib/stacks/watch-stack';
import { deployment } from '../support/deployment';
import { nagFindings, resourcesOf, testApp } from '../support/synth';

it('watches every schema of a server, under the limits of one log group, and cdk-nag finds nothing', () => {
  const app = testApp({ context: { 'trueup:emails': 'a@example.com,b@example.com' } });
  composeStacks(app, readSettings(app));
  const template = Template.fromStack(app.node.findChild('TrueupWatch') as WatchStack);
  const filters = Object.values(resourcesOf(template, 'AWS::Logs::MetricFilter'));
  const onServer = filters.filter(
    ({ Properties }) => Properties.LogGroupName === '/aws/rds/instance/trueupdatabase/postgresql',
  );
  const patterns = SIGNATURES.flatMap((signature) => buildDatabasePatterns(signature));
  // Two more for each heartbeat.
  expect(onServer).toHaveLength(patterns.length + 2 * 5);
  // One for each error, three on the pager; for each schema two on deployments, five on drift.
  template.resourceCountIs('AWS::CloudWatch::Alarm', SIGNATURES.length + 3 + 5 * 7);
  template.resourceCountIs('AWS::SNS::Subscription', 2);
  expect(nagFindings(app)).toEqual([]);
});

it('may be told to check more often', () => {
  const { app, server, schema } = deployment();
  const stack = new WatchStack(app, 'Watch', {
    databaseLogGroupName: server.logGroupName,
    schemas: [schema],
    driftInterval: Duration.minutes(10),
  });
  Template.fromStack(stack).hasResourceProperties('AWS::Events::Rule', {
    ScheduleExpression: 'rate(10 minutes)',
  });
});

it.each([
  [{ 'trueup:engine': 'aurora', 'trueup:minimalCost': 'true' }, 'rate(1 day)'],
  [{ 'trueup:engine': 'aurora' }, 'rate(1 hour)'],
  [{ 'trueup:minimalCost': 'true' }, 'rate(1 hour)'],
])('checks once a day where a check wakes the server: %j', (context, expected) => {
  const app = testApp({ context: { ...context, 'trueup:databases': 'courses' } });
  composeStacks(app, readSettings(app));
  const template = Template.fromStack(app.node.findChild('TrueupWatch') as WatchStack);
  template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: expected });
});
