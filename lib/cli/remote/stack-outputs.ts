/** Outputs of a stack, by the constructs that made them: CDK puts ids and a hash around their names. */
import { within } from '../../../lambda/aws-timeouts';
import { UsageError } from '../terminal/failure';

const ANSWER_TIMEOUT_MS = 30_000;

interface Output {
  readonly OutputKey?: string;
  readonly OutputValue?: string;
  readonly Description?: string;
}

/** @throws {UsageError} when there is no such stack, or no credentials to ask with */
export async function stackOutputs(stackName: string): Promise<readonly Output[]> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient({ requestHandler: within(ANSWER_TIMEOUT_MS, 10_000) });
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    return Stacks?.[0]?.Outputs ?? [];
  } catch (error) {
    throw new UsageError(
      `the stack ${stackName} cannot be read (${wordsOf(error as Error)})`,
      'Check its name, AWS_REGION, and the credentials (AWS_PROFILE).',
    );
  }
}

/** `ExportsOutput…` are CDK's own, for other stacks that refer to the same resource: the one that watches, say. */
const named = (outputs: readonly Output[], name: string): Output[] =>
  outputs.filter(({ OutputKey }) => OutputKey?.includes(name) && !OutputKey.startsWith('ExportsOutput'));

export const hasOutput = (outputs: readonly Output[], name: string): boolean =>
  named(outputs, name).length > 0;

/**
 * @param whatFor a remedy, should the stack have no such output
 * @param namespace which of a stack's schemas; its outputs say so at the end of their descriptions
 * @throws {UsageError} when the stack has no such output, or several
 */
export function outputOf(
  stackName: string,
  outputs: readonly Output[],
  name: string,
  whatFor: string,
  namespace?: string,
): string {
  const all = named(outputs, name);
  const schemas = all.map(({ Description }) => Description?.match(/ of the (?:schema|fleet) (\S+)$/)?.[1]);
  const wanted = all.filter((_, index) => namespace === undefined || schemas[index] === namespace);
  const [found, other] = wanted;
  if (found?.OutputValue !== undefined && other === undefined) return found.OutputValue;
  if (all.length > 0) {
    const which = namespace === undefined ? 'several schemas' : `no schema ${namespace}`;
    throw new UsageError(
      `the stack ${stackName} has ${which}`,
      `Choose one with --namespace: ${schemas.filter((schema) => schema !== undefined).join(', ')}.`,
    );
  }
  throw new UsageError(`the stack ${stackName} has no output ${name}`, whatFor);
}

/**
 * What went wrong on this machine has words only (`Region is missing`); what AWS answers has a name, and its words may
 * repeat the request, which holds a session token.
 */
const wordsOf = ({ name, message }: Error): string => (name === 'Error' && message ? message : name);
