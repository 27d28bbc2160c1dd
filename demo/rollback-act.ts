import { compileMigrations } from '../lib/cli/folder';
import { printHanging } from '../lib/cli/terminal/terminal';
import { courses } from '../test/incidents';
import { Conductor, type StackCode } from '../test/support/aws/conductor';
import { stackCode, stackProperties } from '../test/support/aws/conductor/code';
import type { RecordedEvent, Stack, StackTemplate } from '../test/support/aws/conductor/stack';
import { dumpCatalog } from '../test/support/dump-catalog';
import type { Act, Stage } from './stage';

const SECRET = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:courses-AbCdEf';

const INDEX = `-- migrate:up
CREATE INDEX CONCURRENTLY purchases_by_time ON student_course_purchases (purchased_at);
-- migrate:verify
SELECT trueup.is_indexed('student_course_purchases', '{purchased_at}');
-- migrate:down
DROP INDEX CONCURRENTLY purchases_by_time;
`;
const BROKEN = `-- migrate:up
ALTER TABLE student_course_purchases ALTER COLUMN refunded SET DEFAULT false;
-- migrate:verify
SELECT trueup.has_column('student_course_purchases', 'refunded');
`;

/**
 * Sends CloudFormation's events, in their documented order, to the real provider framework and the real handlers, each in
 * a separate process. When it rolls back, CloudFormation restores the old code before it calls it.
 */
export const rollbackAct: Act = {
  title: 'A deployment that fails after it had changed something is rolled back, by the old code',
  play: async (stage) => {
    const { superuser: username, password } = stage.server;
    const secrets = { [SECRET]: JSON.stringify({ username, password }) };
    const conductor = await Conductor.start({ secrets, folder: stage.createFolder() });
    try {
      return await playRollback(stage, conductor.stack('courses'));
    } finally {
      await conductor.close();
    }
  },
};

async function playRollback(stage: Stage, stack: Stack<StackCode>): ReturnType<Act['play']> {
  const { out } = stage;
  expectStatus(await stack.create(await buildTemplate(stage, stack, {})), 'CREATE_COMPLETE');
  const before = await stage.withClient(courses.database, dumpCatalog);

  out.line('  Deployed: an index (0003) and a migration that fails (0004). The events of the stack:');
  const eventCount = stack.events.length;
  const broken = { '0003_by_time.sql': INDEX, '0004_refunds.sql': BROKEN };
  expectStatus(await stack.update(await buildTemplate(stage, stack, broken)), 'UPDATE_ROLLBACK_COMPLETE');
  printEvents(stage, stack.name, stack.events.slice(eventCount));
  const undone = String(stack.attributes.Undone);
  const after = await stage.withClient(courses.database, dumpCatalog);
  if (after.join() !== before.join()) throw new Error('the schema is not as it was before the deployment');
  out.line(`  ${out.colors.green('as it was')}: undone ${undone}; the catalog is the same as before.`);

  out.line('  Deployed: only the index, and an application that fails to start after it:');
  const template = await buildTemplate(stage, stack, { '0003_by_time.sql': INDEX });
  const update = await stack.update({ ...template, application: 'new', applicationFails: true });
  expectStatus(update, 'UPDATE_ROLLBACK_COMPLETE');
  const kept = String(stack.attributes.Kept);
  stage.say('kept', kept, 'yellow');
  const events = stack.events.map(({ logicalId, status }) => `${logicalId} ${status}`);
  return {
    summary: `a failed deployment was rolled back: ${undone} undone; kept where the new application may be running already`,
    facts: { undone, kept, events },
  };
}

async function buildTemplate(
  stage: Stage,
  { name }: Stack<StackCode>,
  files: Readonly<Record<string, string>>,
): Promise<StackTemplate<StackCode>> {
  const { host, port } = stage.server;
  const options = {
    folder: stage.createFolder(),
    stackName: name,
    manifest: await compileMigrations(stage.copyFolder(courses.folder, files)),
    database: { host, port, name: courses.database, secretArn: SECRET, roots: stage.roots },
    namespace: courses.database,
  };
  return { code: stackCode(options), schema: stackProperties(options) };
}

function expectStatus(status: string, expected: string): void {
  if (status !== expected) throw new Error(`the stack ended as ${status} instead of ${expected}`);
}

/** Prints in order how each step ended. */
function printEvents({ out }: Stage, stackName: string, events: readonly RecordedEvent[]): void {
  const { green, red, yellow } = out.colors;
  let rollingBack = false;
  for (const event of events) {
    const { logicalId, status } = event;
    rollingBack ||= status.includes('ROLLBACK');
    const isStack = logicalId === stackName;
    if (isStack ? !/ROLLBACK_(IN_PROGRESS|COMPLETE)$/.test(status) : status.endsWith('IN_PROGRESS')) continue;
    const color = status.endsWith('FAILED') ? red : status.includes('ROLLBACK') ? yellow : green;
    const code = `the ${rollingBack ? 'old' : 'new'} code`;
    const what = isStack ? 'the stack' : logicalId === 'Functions' ? code : 'the schema';
    printHanging(out, `    ${color(status.padEnd(28))}${what.padEnd(12)}`, formatReason(event));
  }
}

/** Our handler's message up to the SQLSTATE, without what the framework and CloudFormation add to it. */
const formatReason = ({ reason, status }: RecordedEvent): string =>
  status.endsWith('FAILED')
    ? reason.replace(/^.*Message returned: /s, '').replace(/(\[SQLSTATE \w{5}\]).*$/s, '$1')
    : '';
