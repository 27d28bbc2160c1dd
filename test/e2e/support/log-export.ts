/**
 * Does for the PostgreSQL behind the local AWS what RDS does with `cloudwatchLogsExports`: its log lines become events
 * of a log group. A line with a prefix begins an event; lines without one (they are indented) belong to it.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { PostgresServer } from '../../../lib/scratch-postgres/server';
import { clientConfig } from './scenario';

const PREFIX = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC:/;

export class LogExport {
  private offset: number;
  private rest = '';
  private running = true;
  private readonly loop: Promise<void>;

  private constructor(
    private readonly logGroupName: string,
    private readonly logStreamName: string,
    private readonly logFile: string,
    private readonly client: CloudWatchLogsClient,
  ) {
    this.offset = size(logFile);
    this.loop = this.run();
  }

  static async start(logGroupName: string, server: PostgresServer): Promise<LogExport> {
    const client = new CloudWatchLogsClient(clientConfig());
    const logStreamName = 'postgresql.0';
    await client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    return new LogExport(logGroupName, logStreamName, server.logFile, client);
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
  }

  private async run(): Promise<void> {
    for (; this.running; await sleep(250)) {
      const messages = this.read();
      if (messages.length === 0) continue;
      const { logGroupName, logStreamName } = this;
      const logEvents = messages.map((message) => ({ message, timestamp: Date.now() }));
      await this.client.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
    }
  }

  /** The whole events that the server has written since the last call. */
  private read(): string[] {
    const file = openSync(this.logFile, 'r');
    try {
      const buffer = Buffer.alloc(fstatSync(file).size - this.offset);
      this.offset += readSync(file, buffer, 0, buffer.length, this.offset);
      const lines = (this.rest + buffer.toString('utf8')).split('\n');
      this.rest = lines.pop()!;
      const events: string[] = [];
      for (const line of lines) {
        if (PREFIX.test(line) || events.length === 0) events.push(line);
        else events[events.length - 1] += `\n${line}`;
      }
      return events;
    } finally {
      closeSync(file);
    }
  }
}

function size(path: string): number {
  const file = openSync(path, 'r');
  try {
    return fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}
