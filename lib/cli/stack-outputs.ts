/** Outputs of a stack, by the constructs that made them: CDK puts ids and a hash around their names. */
import { UsageError } from './failure';

/**
 * @param whatFor a remedy, should the stack have no such output
 * @param namespace which of a stack's schemas; its outputs say so at the end of their descriptions
 * @throws {UsageError} when there is no such stack, no such output, or no credentials to ask with
 */
export async function stackOutput(
  stackName: string,
  name: string,
  whatFor: string,
  namespace?: string,
): Promise<string> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient({});
  let outputs: readonly { OutputKey?: string; OutputValue?: string; Description?: string }[];
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    outputs = Stacks?.[0]?.Outputs ?? [];
  } catch (error) {
    throw new UsageError(
      `the stack ${stackName} cannot be read (${wordsOf(error as Error)})`,
      'Look at its name, at AWS_REGION, and at the credentials (AWS_PROFILE).',
    );
  }
  // `ExportsOutput…` are CDK's own, for other stacks that refer to the same resource: the one that watches, say.
  const named = outputs.filter(
    ({ OutputKey }) => OutputKey?.includes(name) && !OutputKey.startsWith('ExportsOutput'),
  );
  const schemas = named.map(({ Description }) => Description?.match(/ of the schema (\S+)$/)?.[1]);
  const wanted = named.filter((_, index) => namespace === undefined || schemas[index] === namespace);
  const [found, other] = wanted;
  if (found?.OutputValue !== undefined && other === undefined) return found.OutputValue;
  if (named.length > 0) {
    const which = namespace === undefined ? 'several schemas' : `no schema ${namespace}`;
    throw new UsageError(
      `the stack ${stackName} has ${which}`,
      `Say which one with --namespace: ${schemas.filter((schema) => schema !== undefined).join(', ')}.`,
    );
  }
  throw new UsageError(`the stack ${stackName} has no output ${name}`, whatFor);
}

/**
 * What went wrong on this machine has words only (`Region is missing`); what AWS answers has a name, and its words may
 * repeat the request, which holds a session token.
 */
const wordsOf = ({ name, message }: Error): string => (name === 'Error' && message ? message : name);
