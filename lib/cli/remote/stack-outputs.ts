/** Reads the outputs of a stack that our constructs created. */
import { buildRequestTimeouts } from '../../../lambda/aws-timeouts';
import { readOutputDescription, type StackOutput } from '../../../lambda/contract/stack-outputs';
import { UsageError } from '../terminal/failure';

const ANSWER_TIMEOUT_MS = 30_000;

interface StackOutputValue {
  readonly OutputKey?: string;
  readonly OutputValue?: string;
  readonly Description?: string;
}

/**
 * Returns all outputs of a stack.
 * @throws {UsageError} if there is no such stack, or no credentials
 */
export async function readStackOutputs(stackName: string): Promise<readonly StackOutputValue[]> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('./aws.js');
  const client = new CloudFormationClient({
    requestHandler: buildRequestTimeouts(ANSWER_TIMEOUT_MS, 10_000),
  });
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    return Stacks?.[0]?.Outputs ?? [];
  } catch (error) {
    throw new UsageError(
      `the stack ${stackName} cannot be read (${describeAwsError(error as Error)})`,
      'Check its name, AWS_REGION, and the credentials (AWS_PROFILE).',
    );
  }
}

/** Returns the outputs that the constructs created under this name, with the schema or fleet of each. */
const findOutputs = (outputs: readonly StackOutputValue[], name: StackOutput) =>
  outputs.flatMap((output) => {
    const subject = readOutputDescription(name, output.Description);
    return subject === undefined ? [] : [{ ...output, subject }];
  });

export const hasOutput = (outputs: readonly StackOutputValue[], name: StackOutput): boolean =>
  findOutputs(outputs, name).length > 0;

/**
 * Returns the value of an output.
 * @param whatFor remedy for a stack that has no such output
 * @param namespace one of the stack's schemas
 * @throws {UsageError} if the stack has no such output, or several
 */
export function requireOutput(
  stackName: string,
  outputs: readonly StackOutputValue[],
  name: StackOutput,
  whatFor: string,
  namespace?: string,
): string {
  const all = findOutputs(outputs, name);
  const wanted = all.filter(({ subject }) => namespace === undefined || subject === namespace);
  const [found, other] = wanted;
  if (found?.OutputValue !== undefined && other === undefined) return found.OutputValue;
  const subjects = [...new Set(all.flatMap(({ subject }) => subject ?? []))];
  const [first, second] = subjects;
  if (wanted.length > 1 && (namespace !== undefined || second === undefined)) {
    throw new UsageError(
      `the stack ${stackName} has ${wanted.length} outputs ${name}${first ? ` of the schema ${namespace ?? first}` : ''}`,
      'They cannot be distinguished, so --stack works only if the stack has one of them.',
    );
  }
  if (all.length > 0) {
    const which = namespace === undefined ? 'several schemas' : `no schema ${namespace}`;
    throw new UsageError(
      `the stack ${stackName} has ${which}`,
      `Choose one with --namespace: ${subjects.join(', ')}.`,
    );
  }
  throw new UsageError(`the stack ${stackName} has no output ${name}`, whatFor);
}

/**
 * Describes an error. Errors on this machine have only a message (`Region is missing`). Errors from AWS have a name,
 * and their message may repeat the request, which holds a session token.
 */
const describeAwsError = ({ name, message }: Error): string => (name === 'Error' && message ? message : name);
