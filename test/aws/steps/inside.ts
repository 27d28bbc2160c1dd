/** What only a function in the account can say. */
import { InvokeCommand } from '@aws-sdk/client-lambda';
import type { Answer, Question } from '../handlers/inside';
import { found, notSettled, type Step, type StepContext } from '../step';

export const describeAlarms: Step = {
  id: 'describe-alarms',
  part: 'stack',
  title: "a function under the pager's own role asks for the state of alarms",
  locally: { why: 'the local AWS enforces no policy' },
  async run(context) {
    const { AlarmName } = await context.stack.outputs();
    const answer = await ask(context, { ask: 'alarms', names: [AlarmName!] });
    context.record(answer);
    if ('alarms' in answer)
      return [found(true, `DescribeAlarms answers under the pager's role (${answer.alarms} alarms up).`, '')];
    const words = 'refused' in answer ? answer.refused : 'no answer';
    return /AccessDenied|Unauthorized/i.test(words)
      ? [{ outcome: 'otherwise', words: `DescribeAlarms is refused under the pager's role: ${words}.` }]
      : [notSettled(`DescribeAlarms did not answer: ${words}.`)];
  },
};

export const runtimeRoots: Step = {
  id: 'runtime-roots',
  part: 'stack',
  title: "the certificates in Lambda's runtime, for RDS in this region",
  locally: { why: "the local AWS has no runtime of Lambda's", skip: true },
  async run(context) {
    const answer = await ask(context, { ask: 'roots' });
    if (!('roots' in answer)) return [notSettled(`The file was not read: ${JSON.stringify(answer)}.`)];
    const ofRds = answer.roots.filter((name) => name.startsWith('Amazon RDS'));
    context.record({ roots: ofRds });
    const here = ofRds.filter((name) => name.includes(` ${context.aws.region} `));
    return [
      found(
        here.length > 0,
        `The runtime's file holds ${ofRds.length} of Amazon's roots for RDS, ${here.length} of this region.`,
        `The runtime's file holds ${ofRds.length} of Amazon's roots for RDS, none of this region: give \`trustedRoots\`.`,
      ),
    ];
  },
};

async function ask({ aws, stack }: StepContext, question: Question): Promise<Answer> {
  const { InsideFunction } = await stack.outputs();
  const { Payload, FunctionError } = await aws.lambda.send(
    new InvokeCommand({ FunctionName: InsideFunction, Payload: Buffer.from(JSON.stringify(question)) }),
  );
  const text = Buffer.from(Payload ?? []).toString('utf8');
  if (FunctionError) throw new Error(`The function in the account failed (${FunctionError}).`);
  return JSON.parse(text) as Answer;
}
