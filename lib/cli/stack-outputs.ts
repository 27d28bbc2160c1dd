/** Outputs of a stack, by the constructs that made them: CDK puts ids and a hash around their names. */
import { UsageError } from './failure';

/** @throws {UsageError} when there is no such stack, or no credentials to ask with */
export async function stackOutput(stackName: string, name: string, whatFor: string): Promise<string> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient({});
  let outputs: readonly { OutputKey?: string; OutputValue?: string }[];
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    outputs = Stacks?.[0]?.Outputs ?? [];
  } catch (error) {
    throw new UsageError(
      `the stack ${stackName} cannot be read (${(error as Error).name})`,
      'Look at its name, at AWS_REGION, and at the credentials (AWS_PROFILE).',
    );
  }
  const found = outputs.find(({ OutputKey }) => OutputKey?.includes(name))?.OutputValue;
  if (found !== undefined) return found;
  throw new UsageError(`the stack ${stackName} has no output ${name}`, whatFor);
}
