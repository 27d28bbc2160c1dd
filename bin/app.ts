#!/usr/bin/env node
import { App } from 'aws-cdk-lib';
import { composeStacks, readSettings } from '../lib/stacks/compose';

const app = new App();
composeStacks(app, readSettings(app), {
  account: process.env.CDK_DEFAULT_ACCOUNT,
  region: process.env.CDK_DEFAULT_REGION,
});
