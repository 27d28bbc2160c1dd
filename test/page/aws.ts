/** What AWS is to the pager, played on a real database. */
import { expect } from 'vitest';
import { makeManifest } from '../../lambda/contract/manifest';
import { answerQuestions } from '../../lambda/migrate/diagnosis';
import type { AlarmEvent, AlarmState, RaisedAlarm } from '../../lambda/page/alarm';
import type { PageTiming } from '../../lambda/page/context';
import type { PageDocument } from '../../lambda/page/document/document';
import type { LogEvent } from '../../lambda/page/logs/error-reader';
import { readEventsOfFile } from '../../lambda/page/logs/log-lines';
import type { AlarmSelection, PageOutbound } from '../../lambda/page/page-outbound';
import type { PageSettings } from '../../lambda/page/page-settings';
import { connectPg } from '../../lambda/postgres/pg';

export const GROUP = '/aws/rds/instance/shop/postgresql';
export const OWN_LOG = '/own/log';
export const DOCUMENTS = 'arn:aws:sns:eu-west-1:1:documents';
export const SETTINGS: PageSettings = {
  prefix: 'Shop',
  topicArn: 'arn:aws:sns:eu-west-1:1:pages',
  logGroups: [{ name: GROUP, lines: { format: 'postgresql' } }],
  functions: { postgres: ['shop-migrate'] },
  ignore: ['ignored_table'],
  excludedRoles: ['migrator'],
  rescanIntervalMs: 300_000,
  runbookUrl: null,
};
export const TIMING: PageTiming = {
  linesWaitMs: 400,
  linesRetryMs: 50,
  readMs: 5_000,
  readEvents: 1_000_000,
  diagnosisMs: 120_000,
  allDiagnosesMs: 240_000,
  overWaitMs: 200,
  overRetryMs: 20,
};

/** CloudWatch Logs, the alarms, the function and the topic. */
export class Aws implements PageOutbound {
  readonly events: LogEvent[] = [];
  readonly pages: { subject: string; text: string }[] = [];
  readonly chat: string[] = [];
  readonly documents: PageDocument[] = [];
  chatAnswers = true;
  up: RaisedAlarm[] = [];
  over: AlarmState[] = [];
  searches = 0;
  databaseAnswers = true;
  pageSize = 7;

  constructor(private readonly url: string) {}

  async add(lines: readonly string[], ingestedMs = Date.now()): Promise<void> {
    for await (const message of readEventsOfFile(lines))
      this.events.push({ message, timestampMs: ingestedMs, ingestedMs, stream: 's', logGroup: GROUP });
  }

  /** What the pager wrote into its own log; its lines have no prefix. */
  ownLog: () => readonly string[] = () => [];

  async *searchLogs({
    logGroup,
    fromMs,
    toMs,
    pattern,
  }: Parameters<PageOutbound['searchLogs']>[0]): AsyncGenerator<LogEvent[]> {
    if (logGroup === OWN_LOG) {
      const events = [...pattern.matchAll(/\(\$\.event = "([a-z-]+)"\)/g)].map((found) => found[1]!);
      expect(pattern).toBe(`{ ${events.map((event) => `($.event = "${event}")`).join(' || ')} }`);
      const lines = this.ownLog().filter((line) =>
        events.some((event) => line.includes(`"event":"${event}"`)),
      );
      yield lines.map((message) => ({ message, timestampMs: 0, ingestedMs: 0, stream: 's', logGroup }));
      return;
    }
    this.searches++;
    const terms = [...pattern.matchAll(/\?"([^"]+)"/g)].map((found) => found[1]!);
    const found = this.events.filter(
      ({ message, timestampMs }) =>
        timestampMs! >= fromMs && timestampMs! <= toMs && terms.some((term) => message.includes(term)),
    );
    // Empty pages come between full ones.
    for (let i = 0; i < found.length; i += this.pageSize) {
      yield [];
      yield found.slice(i, i + this.pageSize);
    }
    yield [];
  }
  async alarms(which: AlarmSelection): Promise<readonly AlarmState[]> {
    const names = 'beginningWith' in which ? [] : which;
    const up = this.up.map((each) => ({ ...each, state: 'ALARM', of: null }));
    return [...up, ...this.over].filter(({ name }) => names.includes(name));
  }
  async invokeMigrate(
    _name: string,
    request: Parameters<PageOutbound['invokeMigrate']>[1],
  ): ReturnType<PageOutbound['invokeMigrate']> {
    if (!this.databaseAnswers) return { kind: 'silent', message: 'no answer for 60 s' };
    if (request.action !== 'diagnose') throw new Error('only questions are asked');
    const diagnoses = await answerQuestions(request.questions, {
      namespace: 'shop',
      manifest: makeManifest([]),
      connect: () => connectPg({ url: this.url, readOnly: true }),
      deadline: Date.now() + 120_000,
    });
    return { kind: 'answered', response: { action: 'diagnose', diagnoses } };
  }
  async publish(topic: string, { subject = '', text }: { subject?: string; text: string }): Promise<void> {
    if (topic === SETTINGS.topicArn) this.pages.push({ subject, text });
    else if (topic === DOCUMENTS) this.documents.push(JSON.parse(text));
    else if (this.chatAnswers) this.chat.push(text);
    else throw Object.assign(new Error(`no ${text}`), { name: 'NotFoundException' });
  }
}

/** Ten seconds ago, so that the handler does not wait for late lines. */
export const alarmEvent = (signature = 'not-null', sinceMs = Date.now() - 10_000): AlarmEvent => ({
  source: 'aws.cloudwatch',
  alarmArn: 'arn:x',
  accountId: '1',
  region: 'eu-west-1',
  alarmData: {
    alarmName: `Shop-${signature}`,
    state: { value: 'ALARM', timestamp: new Date(sinceMs).toISOString().replace('Z', '+0000') },
  },
});
