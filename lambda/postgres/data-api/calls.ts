/** Makes all calls to the Data API. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementResponse,
  RDSDataClient,
  type RDSDataClientConfig,
  RollbackTransactionCommand,
  type SqlParameter,
} from '@aws-sdk/client-rds-data';
import { buildRequestTimeouts } from '../../aws-timeouts';
import { isRetryableError } from './errors';

export interface DataApiTarget {
  readonly clusterArn: string;
  /** ARN of a secret with `username` and `password`. */
  readonly secretArn: string;
  readonly database: string;
}

export interface DataApiCall {
  readonly sql: string;
  readonly parameters?: SqlParameter[];
  readonly transactionId?: string;
  /** Whether the server continues the statement after the 45 seconds of a call. @default false */
  readonly continueAfterTimeout?: boolean;
}

/** The service responds within 45 s. After this time the response must have been lost. */
const ANSWER_TIMEOUT_MS = 75_000;

export class DataApiCalls {
  private readonly client: RDSDataClient;

  constructor(
    private readonly target: DataApiTarget,
    /** How long calls to a paused or unavailable database are retried. */
    private readonly patienceMs: number,
    config: RDSDataClientConfig = {},
  ) {
    // The SDK would also retry a call that may have been executed.
    this.client = new RDSDataClient({
      requestHandler: buildRequestTimeouts(ANSWER_TIMEOUT_MS),
      ...config,
      maxAttempts: 1,
    });
  }

  execute(call: DataApiCall): Promise<ExecuteStatementResponse> {
    return this.patiently(() =>
      this.client.send(
        new ExecuteStatementCommand({
          ...this.names,
          database: this.target.database,
          includeResultMetadata: true,
          resultSetOptions: { longReturnType: 'STRING', decimalReturnType: 'STRING' },
          ...call,
        }),
      ),
    );
  }

  async begin(): Promise<string> {
    const answer = await this.patiently(() =>
      this.client.send(new BeginTransactionCommand({ ...this.names, database: this.target.database })),
    );
    return answer.transactionId!;
  }

  async commit(transactionId: string): Promise<void> {
    await this.patiently(() =>
      this.client.send(new CommitTransactionCommand({ ...this.names, transactionId })),
    );
  }

  async rollback(transactionId: string): Promise<void> {
    await this.client.send(new RollbackTransactionCommand({ ...this.names, transactionId }));
  }

  destroy(): void {
    this.client.destroy();
  }

  private get names() {
    return { resourceArn: this.target.clusterArn, secretArn: this.target.secretArn };
  }

  /**
   * Retries calls that were refused before they ran. A paused cluster takes about 15 s to resume, and longer after a
   * day.
   */
  private async patiently<T>(send: () => Promise<T>): Promise<T> {
    const end = Date.now() + this.patienceMs;
    for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 4_000)) {
      try {
        return await send();
      } catch (error) {
        const waitMs = pauseMs / 2 + Math.random() * (pauseMs / 2);
        if (!isRetryableError(error) || Date.now() + waitMs > end) throw error;
        await sleep(waitMs);
      }
    }
  }
}
