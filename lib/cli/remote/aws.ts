/** Calls of AWS: the SDK's clients, loaded by the commands that are given a stack. */
export { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
export {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
export { makeMigrateInvoker } from '../../../lambda/invoke-migrate';
