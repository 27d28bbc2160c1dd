/**
 * A server, a schema and what watches them (test/e2e/apps/watch.ts), deployed, with a subscriber and a webhook that receive
 * the pages, and a role `shop` that stands for the application.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect } from 'vitest';
import { type CdkRun, reason, testApp } from './cdk';
import { LogExport } from './log-export';
import { type File, migrationFolder } from './migrations';
import { type Notification, Queue } from './queue';
import { type Rds, startRds } from './rds';
import { Receiver } from './receiver';
import { cdk, localAws, physicalId } from './scenario';

/** From a line of the log to the message. */
export const WITHIN_MS = 60_000;

/** Three tables, each with a defect that an alarm watches for. */
export const BROKEN: Readonly<Record<string, File>> = {
  '0001_as_found': {
    up: `CREATE TABLE lead_purchases (id uuid PRIMARY KEY, note text);
CREATE TABLE web_sessions (id int PRIMARY KEY, lead_id uuid NOT NULL, note text);
CREATE TABLE student_course_purchases (student_id int, course_id int, is_active boolean, note text);
CREATE UNIQUE INDEX unique_active_purchase ON student_course_purchases (student_id, course_id) WHERE is_active;`,
    holds: `to_regclass('lead_purchases') IS NOT NULL`,
  },
};
/** Repairs one of them. */
export const ID_DEFAULT: File = {
  up: 'ALTER TABLE lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid();',
  holds: `NOT EXISTS (SELECT trueup.col_has_default('lead_purchases', 'id'))`,
  down: 'ALTER TABLE lead_purchases ALTER COLUMN id DROP DEFAULT;',
};

/** What the application sends, all along. */
const WORKLOAD = `-- role shop; calls 12
SELECT id, note FROM web_sessions WHERE id = $1;
-- role shop; calls 1204
SELECT note FROM lead_purchases WHERE id = $1;
`;

export class Watched {
  /** Every notification so far. */
  readonly seen: Notification[] = [];
  readonly stacks: Readonly<Record<'server' | 'schema' | 'watch', string>>;
  rds!: Rds;
  receiver!: Receiver;
  exported!: LogExport;
  queue!: Queue;

  /** @param name prefix of the stacks' names */
  constructor(private readonly name: string) {
    this.stacks = { server: `${name}-server`, schema: `${name}-schema`, watch: `${name}-watch` };
  }

  /** Deploys all stacks with {@link BROKEN}. */
  async start(): Promise<CdkRun> {
    this.receiver = await Receiver.start('a key of a test');
    this.rds = await startRds(this.stacks.server);
    const deployed = await this.deploy(BROKEN, '--all');
    expect(deployed.exitCode, reason(deployed)).toBe(0);
    await this.rds.run('app', `CREATE ROLE shop LOGIN PASSWORD 'shop'`);
    await this.rds.run('app', 'GRANT ALL ON ALL TABLES IN SCHEMA public TO shop');
    this.exported = await LogExport.start(
      `/aws/rds/instance/${this.stacks.server}/postgresql`,
      this.rds.server,
    );
    const topic = await physicalId(this.stacks.watch, 'AWS::SNS::Topic', /PagesTopic/);
    this.queue = await Queue.subscribedTo(topic, this.name);
    return deployed;
  }

  async stop(): Promise<void> {
    await this.exported?.stop();
    await this.rds?.stop();
    this.receiver?.stop();
  }

  deploy(files: Readonly<Record<string, File>>, ...stacks: string[]): Promise<CdkRun> {
    const workload = join(localAws().folder, `${this.name}.sql`);
    writeFileSync(workload, WORKLOAD);
    const suppressions = join(localAws().folder, `${this.name}-suppressions.txt`);
    writeFileSync(suppressions, 'invalid-index public.meant  # it is built again at night\n');
    const context = {
      name: this.name,
      folder: migrationFolder(files),
      workload,
      suppressions,
      webhook: this.receiver.url,
    };
    return cdk().deploy(stacks, { app: testApp('watch'), context });
  }

  /** As the application, which is not the migrator. */
  async failing(statement: string): Promise<void> {
    const url = new URL(this.rds.adminUrl('app'));
    url.username = 'shop';
    url.password = 'shop';
    const client = new Client({ connectionString: url.href });
    await client.connect();
    await client.query(statement).catch(() => {});
    await client.end();
  }

  /** Keys of what was posted to the webhook. */
  posted(action: string, object?: string): string[] {
    return this.receiver.pages
      .filter((page) => page.action === action)
      .flatMap(({ findings }) => findings)
      .filter((finding) => object === undefined || finding.object === object)
      .map(({ dedupKey }) => dedupKey);
  }

  message(about: RegExp, subject: RegExp): Promise<Notification> {
    return this.queue.waitFor(
      (each) => subject.test(each.subject) && about.test(each.message),
      WITHIN_MS,
      this.seen,
    );
  }

  /** Sends an INSERT without an id, and waits until its error is paged with what the catalog says, once to each receiver. */
  async expectPageOfMissingDefault(mark: string): Promise<void> {
    await this.failing(`INSERT INTO lead_purchases (note) VALUES ('${mark}')`);
    const page = await this.message(
      /lead_purchases/,
      /^\[Trueup\] app: public\.lead_purchases\.id \(1x, ongoing\)/,
    );
    expect(page.message).toContain(
      'public.lead_purchases.id is the primary key, is of type uuid, and has no default.',
    );
    expect(page.message).toContain('SET DEFAULT gen_random_uuid();');
    expect(page.message).toContain('No migration in the deployed code addresses this');
    expect(page.message).toContain('INSERT INTO lead_purchases (note) VALUES (?)');
    await expect
      .poll(() => this.posted('trigger', 'public.lead_purchases.id'), { timeout: WITHIN_MS })
      .toHaveLength(1);
  }
}
