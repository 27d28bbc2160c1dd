import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileMigrations } from '../../lib/cli/folder';
import { printHanging } from '../../lib/cli/terminal/terminal';
import { dumpCatalog } from '../../lib/demo/dump-catalog';
import { courses } from '../../lib/demo/incidents';
import type { Act, Stage } from '../../lib/demo/stage';
import { Conductor, type StackCode } from '../support/aws/conductor';
import { stackCode, stackProperties } from '../support/aws/conductor/code';
import type { RecordedEvent, Stack, StackTemplate } from '../support/aws/conductor/stack';

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
 * CloudFormation's events, in their documented order, through the real provider framework and the real handlers, each in
 * a process of its own. Rolling back, CloudFormation restores the old code before it calls it.
 * @param roots PEM of the authority that signed the server's certificate
 */
export const rollback = (roots: string): Act => ({
  title: 'A deployment that fails after it had changed something is rolled back, by the old code',
  play: async (stage) => {
    const { server } = stage;
    const secret = JSON.stringify({ username: server.superuser, password: server.password });
    const conductor = await Conductor.start({ secrets: { [SECRET]: secret }, folder: stage.newFolder() });
    try {
      const stack = conductor.stack('courses');
      expectStatus(await stack.create(await version(stage, roots, stack, {})), 'CREATE_COMPLETE');
      const before = await stage.alone(courses, (client) => dumpCatalog(client));

      stage.out.line(
        '  Deployed: an index (0003) and a migration that fails (0004). The events of the stack:',
      );
      let seen = stack.events.length;
      const files = { '0003_by_time.sql': INDEX, '0004_refunds.sql': BROKEN };
      expectStatus(await stack.update(await version(stage, roots, stack, files)), 'UPDATE_ROLLBACK_COMPLETE');
      printEvents(stage, stack, seen);
      const undone = String(stack.attributes.Undone);
      const after = await stage.alone(courses, (client) => dumpCatalog(client));
      if (after.join() !== before.join())
        throw new Error('the schema is not as it was before the deployment');
      stage.out.line(
        `  ${stage.out.colors.green('as it was')}: undone ${undone}; the catalog is the same as before.`,
      );

      stage.out.line('  Deployed: the index alone, and an application that fails to start after it:');
      seen = stack.events.length;
      const good = await version(stage, roots, stack, { '0003_by_time.sql': INDEX });
      const update = await stack.update({ ...good, application: 'new', applicationFails: true });
      expectStatus(update, 'UPDATE_ROLLBACK_COMPLETE');
      const kept = String(stack.attributes.Kept);
      stage.out.line(`  ${stage.out.colors.yellow('kept')}  ${kept}`);
      return {
        summary: [
          `a failed deployment was rolled back: ${undone} undone; kept where the new application may be running already`,
        ],
        facts: {
          undone,
          kept,
          events: stack.events.map(({ logicalId, status }) => `${logicalId} ${status}`),
        },
      };
    } finally {
      await conductor.close();
    }
  },
});

async function version(
  stage: Stage,
  roots: string,
  stack: Stack<StackCode>,
  files: Readonly<Record<string, string>>,
): Promise<StackTemplate<StackCode>> {
  const folder = join(stage.newFolder(), courses.database);
  cpSync(courses.folder, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { host, port } = stage.server;
  const options = {
    folder: stage.newFolder(),
    stackName: stack.name,
    manifest: await compileMigrations(folder),
    database: { host, port, name: courses.database, secretArn: SECRET, roots },
    namespace: courses.database,
  };
  return { code: stackCode(options), schema: stackProperties(options) };
}

function expectStatus(status: string, expected: string): void {
  if (status !== expected) throw new Error(`the stack ended as ${status} in place of ${expected}`);
}

/** Where each step ended, in order. */
function printEvents({ out }: Stage, stack: Stack<StackCode>, from: number): void {
  const { colors } = out;
  let rollingBack = false;
  for (const event of stack.events.slice(from)) {
    const { logicalId, status } = event;
    rollingBack ||= status.includes('ROLLBACK');
    const own = logicalId === stack.name;
    if (own ? !/ROLLBACK_(IN_PROGRESS|COMPLETE)$/.test(status) : status.endsWith('IN_PROGRESS')) continue;
    const color = status.endsWith('FAILED')
      ? colors.red
      : status.includes('ROLLBACK')
        ? colors.yellow
        : colors.green;
    const what = own
      ? 'the stack'
      : logicalId === 'Functions'
        ? `the ${rollingBack ? 'old' : 'new'} code`
        : 'the schema';
    printHanging(out, `    ${color(status.padEnd(28))}${what.padEnd(12)}`, reasonOf(event));
  }
}

/** What our handler answered up to the SQLSTATE, without what the framework and CloudFormation put around it. */
const reasonOf = ({ reason, status }: RecordedEvent): string =>
  status.endsWith('FAILED')
    ? reason.replace(/^.*Message returned: /s, '').replace(/(\[SQLSTATE \w{5}\]).*$/s, '$1')
    : '';
