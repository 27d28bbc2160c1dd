/** The account that is asked, and its clients. */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import { Refusal, type Target } from './options';
import { element, query } from './query';

export interface Aws extends Target {
  /** An endpoint was given: what answers is a model, and none of its answers is evidence about AWS. */
  readonly local: boolean;
  readonly cloudFormation: CloudFormationClient;
  readonly logs: CloudWatchLogsClient;
  readonly lambda: LambdaClient;
  readonly stepFunctions: SFNClient;
}

/** Any of these leads a client, or the `cdk` command line, elsewhere. */
const isEndpoint = (name: string): boolean => /^AWS_ENDPOINT_URL(_|$)/.test(name);

/** @throws {Refusal} when the credentials are missing, or are of another account than the one that was named */
export async function connect({ account, region }: Target): Promise<Aws> {
  const actual = await callersAccount(region);
  if (actual !== account) {
    throw new Refusal(
      `The credentials are of the account ${actual}, not of ${account}. Nothing was tried. Choose another profile (AWS_PROFILE), or correct --account.`,
    );
  }
  // Many calls in a row, of actions that take few a second.
  const config = { region, maxAttempts: 10, retryMode: 'adaptive' };
  return {
    account,
    region,
    local: Object.entries(process.env).some(([name, value]) => value && isEndpoint(name)),
    cloudFormation: new CloudFormationClient(config),
    logs: new CloudWatchLogsClient(config),
    lambda: new LambdaClient(config),
    stepFunctions: new SFNClient(config),
  };
}

async function callersAccount(region: string): Promise<string> {
  let answer: string;
  try {
    answer = await query('sts', region, 'GetCallerIdentity');
  } catch (error) {
    throw new Refusal(
      `STS does not say whose credentials these are (${(error as Error).message.replace(/\.$/, '')}). Give valid ones, as for the AWS command line.`,
    );
  }
  const account = element(answer, 'Account');
  if (account === null) throw new Refusal('STS answered without an account, so nothing was tried.');
  return account;
}
