#!/usr/bin/env node
import { App } from 'aws-cdk-lib';
import { compose, settingsOf } from '../lib/stacks/compose';

const app = new App();
compose(app, settingsOf(app), {
  account: process.env.CDK_DEFAULT_ACCOUNT,
  region: process.env.CDK_DEFAULT_REGION,
});
