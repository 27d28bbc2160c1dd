/**
 * The stacks of the live check, one a part. Context: `part`, `run`, `local`, and what a step changes between two
 * deployments: see each part.
 */
import { App, Tags } from 'aws-cdk-lib';
import { databaseStack } from './apps/database';
import { smallStack } from './apps/small';
import { isRunId, PARTS, type Part } from './options';
import { stackName, TAG } from './stack';

const app = new App({ analyticsReporting: false });
const run: unknown = app.node.tryGetContext('run');
const part: unknown = app.node.tryGetContext('part');
if (typeof run !== 'string' || !isRunId(run) || !PARTS.includes(part as Part))
  throw new Error('This app is deployed by npm run test:aws, which gives it its context.');

const STACKS = {
  stack: smallStack,
  instance: databaseStack('instance'),
  aurora: databaseStack('aurora'),
} as const;
const make = STACKS[part as keyof typeof STACKS];
const stack = make(app, stackName(run, part as Part), {
  env: { account: process.env.LIVE_ACCOUNT, region: process.env.AWS_REGION },
  description: `Trueup's live check, run ${run}; npm run test:aws -- --sweep deletes it`,
});
Tags.of(stack).add(TAG, run);
