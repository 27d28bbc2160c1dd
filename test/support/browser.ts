/**
 * A Chromium that is installed, spoken to over a pipe in its own protocol: https://chromedevtools.github.io/devtools-protocol.
 * `CHROME` names another one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Null where there is none. */
export function installedBrowser(env: NodeJS.ProcessEnv = process.env): string | null {
  if (env.CHROME) return env.CHROME;
  const folders = (env.PATH ?? '').split(delimiter);
  return (
    folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((file) => existsSync(file)) ??
    null
  );
}

type Answer = Record<string, unknown>;
interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Answer;
  readonly result?: Answer;
  readonly error?: { readonly message: string };
}

export class Browser {
  private readonly pending = new Map<
    number,
    { done: (result: Answer) => void; failed: (error: Error) => void }
  >();
  private readonly listeners = new Set<(message: Message) => void>();
  private last = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly profile: string,
  ) {
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\0');
      rest = parts.pop()!;
      for (const part of parts) this.receive(JSON.parse(part) as Message);
    });
    // What was sent to a browser that has ended: whoever waits for the answer is told.
    (child.stdio[3] as Writable).on('error', () => {});
    child.once('exit', () => {
      for (const { failed } of this.pending.values()) failed(new Error('the browser has ended'));
    });
  }

  static start(file: string): Browser {
    const profile = mkdtempSync(join(tmpdir(), 'trueup-browser-'));
    const args = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-extensions',
    ];
    const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
    const child = spawn(file, [...args, ...quiet, `--user-data-dir=${profile}`, '--remote-debugging-pipe'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    return new Browser(child, profile);
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    await this.send('Browser.close').catch(() => this.child.kill('SIGKILL'));
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A tab of its own, with nothing in it. */
  async open(): Promise<Tab> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId as string);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await tab.send(`${domain}.enable`);
    return tab;
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<Answer> {
    const id = ++this.last;
    (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, failed) => this.pending.set(id, { done, failed }));
  }

  listen(listener: (message: Message) => void): void {
    this.listeners.add(listener);
  }

  private receive(message: Message): void {
    const waiting = message.id === undefined ? undefined : this.pending.get(message.id);
    if (!waiting) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    this.pending.delete(message.id!);
    if (message.error) waiting.failed(new Error(message.error.message));
    else waiting.done(message.result ?? {});
  }
}

export class Tab {
  /** What the page asked the network for, its own file included. */
  readonly requests: string[] = [];
  /** Errors of scripts, and what the browser refused. */
  readonly complaints: string[] = [];
  private loaded: () => void = () => {};

  constructor(
    private readonly browser: Browser,
    private readonly session: string,
  ) {
    browser.listen(({ sessionId, method, params }) => {
      if (sessionId !== session) return;
      if (method === 'Page.loadEventFired') this.loaded();
      if (method === 'Network.requestWillBeSent')
        this.requests.push((params as { request: { url: string } }).request.url);
      if (
        method === 'Runtime.exceptionThrown' ||
        method === 'Log.entryAdded' ||
        method === 'Page.javascriptDialogOpening'
      )
        this.complaints.push(JSON.stringify(params));
    });
  }

  send(method: string, params: object = {}): Promise<Answer> {
    return this.browser.send(method, params, this.session);
  }

  async goto(url: string): Promise<void> {
    const loaded = new Promise<void>((done) => {
      this.loaded = done;
    });
    await this.send('Page.navigate', { url });
    await loaded;
  }

  /** What an expression gives, as JSON. A click in it counts as one of a person. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
      userGesture: true,
    })) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string } } };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? 'it threw');
    return result.value;
  }

  /** A key as a person presses it. */
  async press(key: 'Tab' | 'Enter' | ' '): Promise<void> {
    const code = { Tab: 9, Enter: 13, ' ': 32 }[key];
    const text = key === 'Enter' ? '\r' : key === ' ' ? ' ' : undefined;
    const event = { key, code: key === ' ' ? 'Space' : key, windowsVirtualKeyCode: code, text };
    await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', ...event });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  type(text: string): Promise<Answer> {
    return this.send('Input.insertText', { text });
  }
}
