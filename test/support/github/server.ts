/**
 * The part of GitHub's REST API that a comment needs, with its rules: who is not the author may not edit, a token without the
 * right is refused with 403, lists come in pages (https://docs.github.com/en/rest/issues/comments, .../pulls/pulls).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Comment {
  readonly id: number;
  body: string;
  readonly user: { readonly login: string } | null;
}

export interface PullRequest {
  readonly number: number;
  readonly state: 'open' | 'closed';
  readonly head: { sha: string; readonly ref: string; readonly repo: { readonly full_name: string } | null };
  readonly base: { readonly repo: { readonly full_name: string } };
  readonly comments: Comment[];
}

export const TOKEN = 'ghs_c4n4ry';
const BOT = 'github-actions[bot]';

export class GitHubServer {
  readonly pulls: PullRequest[] = [];
  /** `METHOD path` of each request that was answered as usual. */
  readonly calls: string[] = [];
  /** What becomes of the next requests, one each: `cut` before anything is done, `lost` after it. */
  readonly failures: (number | 'none' | 'lost' | 'cut')[] = [];
  mayWrite = true;
  private nextId = 1_000;
  private readonly server = createServer((request, response) => void this.serve(request, response));

  constructor(private readonly repository: string) {}

  async start(): Promise<string> {
    await new Promise<void>((ready) => this.server.listen(0, '127.0.0.1', ready));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const failure = this.failures.shift();
    if (failure === 'cut') return void request.socket.destroy();
    if (typeof failure === 'number') return answer(response, failure, { message: 'try again' }, failure);
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return answer(response, 401, { message: 'Bad credentials' });
    const url = new URL(request.url!, 'http://localhost');
    this.calls.push(`${request.method} ${url.pathname}`);
    const [status, result] = this.answerTo(request.method!, url, body);
    if (failure === 'lost') return void request.socket.destroy();
    answer(response, status, result);
  }

  private answerTo(method: string, url: URL, body: string): [number, unknown] {
    const path = url.pathname.replace(`/repos/${this.repository}`, '');
    if (method !== 'GET' && !this.mayWrite)
      return [403, { message: 'Resource not accessible by integration' }];
    if (method === 'GET' && path === '/pulls') {
      const [owner, ref] = url.searchParams.get('head')!.split(/:(.*)/s);
      const found = this.pulls.filter(
        ({ state, head }) =>
          state === url.searchParams.get('state') &&
          head.ref === ref &&
          (head.repo?.full_name ?? '').startsWith(`${owner}/`),
      );
      return [200, found];
    }
    const [, number] = /^\/issues\/(\d+)\/comments$/.exec(path) ?? [];
    const pull = this.pulls.find((each) => `${each.number}` === number);
    if (method === 'GET' && pull) {
      const size = Number(url.searchParams.get('per_page'));
      const first = (Number(url.searchParams.get('page')) - 1) * size;
      return [200, pull.comments.slice(first, first + size)];
    }
    if (method === 'POST' && pull) {
      const comment = { id: this.nextId++, body: JSON.parse(body).body, user: { login: BOT } };
      if (comment.body.length > 65_536) return [422, { message: 'Body is too long' }];
      pull.comments.push(comment);
      return [201, comment];
    }
    const [, id] = /^\/issues\/comments\/(\d+)$/.exec(path) ?? [];
    const comment = this.pulls.flatMap(({ comments }) => comments).find((each) => `${each.id}` === id);
    if (method !== 'PATCH' || comment === undefined) return [404, { message: 'Not Found' }];
    if (comment.user?.login !== BOT) return [403, { message: 'Must be the author' }];
    comment.body = JSON.parse(body).body;
    return [200, comment];
  }
}

function answer(response: ServerResponse, status: number, body: unknown, failure?: number): void {
  const again = failure === 429 ? { 'retry-after': '0' } : {};
  response.writeHead(status, { 'content-type': 'application/json', ...again }).end(JSON.stringify(body));
}
